namespace VirtuaLinux.Storage.Fencing;

/// <summary>What the SAN says of who serves the volume that all nodes share.</summary>
/// <param name="Block">The lease's block as it is.</param>
/// <param name="Lease">The same, read.</param>
/// <param name="Keys">Who is registered; nobody on a SAN that can fence nobody.</param>
/// <param name="Fences">Who is noted as fenced.</param>
public sealed record SharedSeen(byte[] Block, LeaseBlock Lease, IReadOnlyList<ReservationKey> Keys, FenceBlock Fences);
