namespace VirtuaLinux.Storage.Lvm;

/// <summary>A linear logical volume.</summary>
/// <param name="Name">Its name in the group.</param>
/// <param name="Id">LVM's identifier: 32 letters and digits in groups of 6-4-4-4-4-4-6.</param>
/// <param name="ReadOnly">Whether LVM shall only ever map it read-only.</param>
/// <param name="Tags">What the product notes about it.</param>
/// <param name="Segments">Its extents in order.</param>
public sealed record LogicalVolume(string Name, string Id, bool ReadOnly, IReadOnlyList<string> Tags, IReadOnlyList<LinearSegment> Segments)
{
    /// <summary>Number of extents.</summary>
    public long Extents => Segments.Sum(s => s.Count);
}

/// <summary>Consecutive extents of a physical volume.</summary>
/// <param name="PhysicalVolume">Its name in the metadata, such as <c>pv0</c>.</param>
/// <param name="First">First physical extent.</param>
/// <param name="Count">Number of extents.</param>
public sealed record LinearSegment(string PhysicalVolume, long First, long Count);

/// <summary>A physical volume.</summary>
/// <param name="Name">Its name in the metadata.</param>
/// <param name="Id">LVM's identifier.</param>
/// <param name="Start">Offset of the first extent, in sectors of 512 bytes.</param>
/// <param name="Count">Number of extents.</param>
/// <param name="Device">Path of its device on the machine that read the metadata; null when they came from elsewhere.</param>
public sealed record PhysicalVolume(string Name, string Id, long Start, long Count, string? Device = null);
