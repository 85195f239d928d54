using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>How large the volumes of a site are, and whether they fit.</summary>
public static class VolumeSizes
{
    /// <summary>Block size of a node's thin pool: what is copied from the origin on the first write into it.</summary>
    public static ByteSize PoolBlock => RootFileSystem.StoreBlock;

    /// <summary>How far ahead of a program that reads its root in order the kernel reads.</summary>
    public static ByteSize RootReadAhead { get; } = new(512 << 10);

    /// <summary>The least that an exception store has, and the least that it grows by.</summary>
    public static ByteSize SmallestStore { get; } = ByteSize.FromMiB(256);

    /// <summary>What the exception store of a root has at first; it grows with what is written.</summary>
    public static ByteSize FirstStore(ByteSize root) => new(Math.Min(root.Bytes, Math.Max(SmallestStore.Bytes, root.Bytes / 8)));

    /// <summary>The most that the exception store of a node has: a whole root of this generation and one of the generation before.</summary>
    public static ByteSize LargestStore(ByteSize root) => new(2 * root.Bytes);

    /// <summary>Metadata of a pool with room for <paramref name="data"/> bytes: three times what its mappings need (thin_metadata_size(8)), since a full metadata device can only be repaired offline.</summary>
    public static ByteSize PoolMetadata(ByteSize data) => new(Math.Max(8L << 20, data.Bytes / PoolBlock.Bytes * 64 * 3));

    /// <summary>Bytes of whole extents that a volume of this size takes.</summary>
    public static long InExtents(ByteSize size) => (size.Bytes + SanLayout.ExtentSize.Bytes - 1) / SanLayout.ExtentSize.Bytes * SanLayout.ExtentSize.Bytes;

    /// <summary>Bytes of extents for one node: metadata and data of its pool, and its <c>local</c> volume.</summary>
    public static long PerNode(SiteVolumes volumes)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        return InExtents(PoolMetadata(volumes.Root)) + InExtents(FirstStore(volumes.Root)) + InExtents(volumes.Local);
    }

    /// <summary>The part of a volume group that only an administrator takes.</summary>
    public static ByteSize Reserve(VolumeGroup group, Percentage reserve)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new ByteSize(group.PhysicalVolumes.Sum(p => p.Count) * group.ExtentSectors * 512 / 100 * reserve.Value);
    }

    /// <summary>Size of the LUN that a site needs, its reserve included.</summary>
    public static ByteSize Required(SiteVolumes volumes, int nodes, ImageInfo image)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        ArgumentNullException.ThrowIfNull(image);
        var used = InExtents(new ByteSize(image.RootSize)) + InExtents(new ByteSize(image.BootSize)) + InExtents(volumes.Shared) + nodes * PerNode(volumes);
        return new ByteSize(SanLayout.Overhead.Bytes + used * 100 / Math.Max(1, 100 - volumes.Reserve.Value));
    }
}
