using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>That a node's volumes are in use on another one.</summary>
/// <param name="Node">Address of the node that they belong to.</param>
/// <param name="Holder">Key of the boot that uses them; with the boot count 0 on a SAN that can fence nobody.</param>
/// <param name="Kind">What it does with them.</param>
public readonly record struct Borrow(Ipv4Address Node, ReservationKey Holder, BorrowKind Kind);
