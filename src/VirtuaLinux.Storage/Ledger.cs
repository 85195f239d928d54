using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>What the site's LUN is used for: every volume, whose it is, how full it is, and what could be had back.</summary>
/// <param name="Volumes">The volumes, largest first.</param>
/// <param name="Size">All extents, in bytes.</param>
/// <param name="Free">Extents that no volume uses.</param>
/// <param name="Reserve">The part of it that only an administrator takes.</param>
/// <param name="Images">The images that roots of the site's nodes stand on, whether they run or are kept: what they share, in bytes.</param>
/// <param name="Changed">The sum of what the nodes changed of it, as far as they answer.</param>
/// <param name="Allocated">What images and changes have of the volume group: the origins, and the exception stores with their metadata.</param>
/// <param name="Copies">What the same roots would take as copies of their images.</param>
/// <param name="FillPerDay">Bytes that the exception stores gain a day together, those that empty left out, since a store never shrinks; null where none is known.</param>
/// <param name="Kept">Roots that nodes keep in order to be rolled back, by their image.</param>
/// <param name="Silent">Nodes that did not tell how full their volumes are.</param>
public sealed record Ledger(IReadOnlyList<LedgerEntry> Volumes, long Size, long Free, long Reserve, long Images, long Changed, long Allocated, long Copies, double? FillPerDay, IReadOnlyList<KeptRoots> Kept, IReadOnlyList<string> Silent)
{
    private const string Unknown = "unknown", Store = "store", StoreMetadata = "store metadata";

    /// <summary>Bytes of volumes that nobody uses.</summary>
    public long Reclaimable => Volumes.Where(v => v.Reclaim is not null).Sum(v => v.Size);

    /// <summary>Days until the stores have taken all that is free but the reserve; null when they do not fill.</summary>
    public double? DaysUntilFull => FillPerDay is > 0 and var fill ? Math.Max(0, Free - Reserve) / fill : null;

    /// <summary>Puts the ledger together.</summary>
    /// <param name="group">The volume group.</param>
    /// <param name="manifest">The site.</param>
    /// <param name="status">What each node says of itself; a node that is silent is missing.</param>
    public static Ledger Of(VolumeGroup group, Manifest manifest, IReadOnlyDictionary<string, NodeStatus> status)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(status);
        var extent = group.ExtentSectors * 512;
        var size = group.PhysicalVolumes.Sum(p => p.Count) * extent;
        var (free, reserve) = (group.FreeExtents * extent, VolumeSizes.Reserve(group, manifest.Volumes.Reserve).Bytes);
        var usage = manifest.Nodes.Where(n => status.GetValueOrDefault(n.Name)?.Store is not null).ToDictionary(n => n.Name, n => status[n.Name].Store!);
        var entries = group.Volumes.Select(v => Entry(v, group.SizeOf(v), manifest, status, Math.Max(0, free - reserve))).OrderByDescending(e => e.Size).ThenBy(e => e.Name, StringComparer.Ordinal).ToList();
        var roots = manifest.Nodes.SelectMany(n => (ImageVersion?[])[manifest.ImageOf(n), n.Former]).OfType<ImageVersion>().ToList();
        var images = roots.Append(manifest.Image).Distinct().ToDictionary(i => i, i => group.Find(NodeVolumes.OriginName(i)) is { } origin ? group.SizeOf(origin) : 0);
        var stores = entries.Where(e => e.Reclaim is null && e.Kind is Store or StoreMetadata).Sum(e => e.Size);
        var rates = usage.Values.Select(u => u.FillPerDay).OfType<double>().ToList();
        return new Ledger(entries, size, free, reserve, images.Values.Sum(), usage.Values.Sum(u => u.DataUsed), images.Values.Sum() + stores, roots.Sum(r => images[r]),
            rates.Count == 0 ? null : rates.Sum(r => Math.Max(0, r)), [.. images.Keys.Select(i => KeptOf(i, manifest, status, entries)).OfType<KeptRoots>()], [.. manifest.Nodes.Select(n => n.Name).Except(usage.Keys).Order(StringComparer.Ordinal)]);
    }

    /// <summary>The volumes that go when one is deleted: an image's two go together, and so do a node's, which make sense with each other only.</summary>
    /// <exception cref="FailureException">There is no such volume, or it is in use.</exception>
    public IReadOnlyList<LedgerEntry> Deletable(string name)
    {
        var entry = Volumes.FirstOrDefault(v => v.Name == name) ?? throw new FailureException($"there is no volume '{name}'; 'virtualinux storage ledger' lists them");
        if (entry.Kind == Unknown) throw new FailureException($"'{name}' is not a volume of this product, which does not know what uses it: nothing was deleted; whoever made it deletes it with lvremove(8)");
        IReadOnlyList<LedgerEntry> all = [.. Volumes.Where(v => v.Owner == entry.Owner)];
        if (all.FirstOrDefault(v => v.Reclaim is null) is { } used) throw new FailureException($"{used.Name} ({used.Kind} of {used.Owner}) is in use{(used.Need is { } need ? $": {need}" : "")}; nothing was deleted");
        return all;
    }

    /// <param name="volume">The volume.</param>
    /// <param name="size">Its size.</param>
    /// <param name="manifest">The site.</param>
    /// <param name="status">What the nodes say.</param>
    /// <param name="room">What stores can take of the group.</param>
    private static LedgerEntry Entry(LogicalVolume volume, long size, Manifest manifest, IReadOnlyDictionary<string, NodeStatus> status, long room)
    {
        if (NodeVolumes.KindOf(volume) is not { } kind) return new LedgerEntry(volume.Name, Unknown, "", size);
        if (kind is VolumeKind.Origin or VolumeKind.Boot)
        {
            var image = NodeVolumes.ImageOf(volume.Name);
            var need = image is { } named && !NodeVolumes.IsUnverified(volume) ? manifest.NeedOf(named) : null;
            var state = need is not null ? null : NodeVolumes.IsUnverified(volume) ? "was never written to its end" : "no node starts this image";
            return new LedgerEntry(volume.Name, kind.ToString().ToLowerInvariant(), image?.ToString() ?? "", size) { Reclaim = state, Need = need };
        }
        if (kind is VolumeKind.Shared)
        {
            // Who serves it tells.
            var server = status.Values.Select(s => s.Store).FirstOrDefault(s => s?.SharedUsed is not null);
            return new LedgerEntry(volume.Name, "shared", "all nodes", size) { Used = server?.SharedUsed, FillPerDay = server?.SharedFillPerDay, Limit = size, Reclaim = manifest.Volumes.Shared.Bytes > 0 ? null : "the site has no shared volume" };
        }
        var node = volume.Name[..volume.Name.LastIndexOf('_')];
        var known = status.GetValueOrDefault(node)?.Store;
        var entry = new LedgerEntry(volume.Name, Store, node, size) { Reclaim = manifest.Nodes.Any(n => n.Name == node) ? null : "its node is no longer in the site" };
        return kind switch
        {
            // The guard lets it grow as far as that.
            VolumeKind.Store => entry with { Used = known?.DataUsed, FillPerDay = known?.FillPerDay, Limit = Math.Max(size, Math.Min(VolumeSizes.LargestStore(manifest.Volumes.Root).Bytes, size + room)), Unchanged = UnchangedOf(status.GetValueOrDefault(node), manifest.Volumes.Root) },
            VolumeKind.StoreMetadata => entry with { Kind = StoreMetadata, Used = known?.MetadataUsed },
            _ => entry with { Kind = "local", Used = known?.LocalUsed, FillPerDay = known?.LocalFillPerDay, Limit = size },
        };
    }

    /// <summary>An older release tells what all roots of the node changed, which is the same where it keeps one only.</summary>
    private static double? UnchangedOf(NodeStatus? node, ByteSize root) =>
        (node?.Store?.RootChanged ?? (node?.Generations is { Count: 1 } ? node.Store?.DataUsed : null)) is { } changed ? Math.Max(0, 1 - (double)changed / root.Bytes) : null;

    private static KeptRoots? KeptOf(ImageVersion image, Manifest manifest, IReadOnlyDictionary<string, NodeStatus> status, IReadOnlyList<LedgerEntry> volumes)
    {
        var keepers = manifest.Nodes.Where(n => n.Former == image && manifest.ImageOf(n) != image).Select(n => n.Name).ToList();
        if (keepers.Count == 0) return null;
        var own = keepers.Select(n => status.GetValueOrDefault(n) is { Store: { RootChanged: { } changed } store, Generations: [_, var kept] } && kept == image ? store.DataUsed - changed : (long?)null).OfType<long>().ToList();
        var isAll = manifest.WithoutFormer(image).NeedOf(image) is null;
        return new KeptRoots(image, keepers, own.Count == 0 ? null : own.Sum(), isAll ? volumes.Where(v => v.Owner == image.ToString()).Sum(v => v.Size) : 0);
    }
}

/// <summary>One volume of the ledger.</summary>
/// <param name="Name">Its name in the group.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Owner">The node or the image.</param>
/// <param name="Size">In bytes.</param>
public sealed record LedgerEntry(string Name, string Kind, string Owner, long Size)
{
    /// <summary>Bytes in use, as far as that is known.</summary>
    public long? Used { get; init; }

    /// <summary>Of the root that the node runs, the share that it never wrote to, which is the origin's; from 0 to 1.</summary>
    public double? Unchanged { get; init; }

    /// <summary>Bytes that it gains a day, as far as that is known.</summary>
    public double? FillPerDay { get; init; }

    /// <summary>The size that it gets by itself if only it fills; null for what does not fill.</summary>
    public long? Limit { get; init; }

    /// <summary>Why it could be deleted; null when it is in use.</summary>
    public string? Reclaim { get; init; }

    /// <summary>What an image that is in use is needed for.</summary>
    public string? Need { get; init; }

    /// <summary>Days until it is full at this rate, and cannot grow; null when it does not fill.</summary>
    public double? DaysUntilFull => Used is { } used && Limit is { } limit && FillPerDay is > 0 and var fill ? Math.Max(0, limit - used) / fill : null;
}

/// <summary>Roots that nodes keep of an image that they do not start.</summary>
/// <param name="Image">The image.</param>
/// <param name="Nodes">The nodes that can be rolled back to it.</param>
/// <param name="Bytes">What those roots have of the nodes' stores, as far as that is known.</param>
/// <param name="ImageBytes">What the image's volumes have of the group, if nothing but these roots needs it; 0 otherwise.</param>
public sealed record KeptRoots(ImageVersion Image, IReadOnlyList<string> Nodes, long? Bytes, long ImageBytes);
