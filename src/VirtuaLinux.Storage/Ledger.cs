using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>What the site's LUN is used for: every volume, whose it is, how full it is, and what could be had back.</summary>
/// <param name="Volumes">The volumes, largest first.</param>
/// <param name="Size">All extents, in bytes.</param>
/// <param name="Free">Extents that no volume uses.</param>
/// <param name="Reserve">The part of it that only an administrator takes.</param>
/// <param name="Image">The image that the site runs: what all roots share, in bytes.</param>
/// <param name="Changed">The sum of what the nodes changed of it, as far as they answer.</param>
/// <param name="Copies">What the same roots would take as copies of the image.</param>
/// <param name="Silent">Nodes that did not tell how full their volumes are.</param>
public sealed record Ledger(IReadOnlyList<LedgerEntry> Volumes, long Size, long Free, long Reserve, long Image, long Changed, long Copies, IReadOnlyList<string> Silent)
{
    /// <summary>Bytes of volumes that nobody uses.</summary>
    public long Reclaimable => Volumes.Where(v => v.Reclaim is not null).Sum(v => v.Size);

    /// <summary>Puts the ledger together.</summary>
    /// <param name="group">The volume group.</param>
    /// <param name="manifest">The site.</param>
    /// <param name="usage">What each node says of its volumes; a node that is silent is missing.</param>
    public static Ledger Of(VolumeGroup group, Manifest manifest, IReadOnlyDictionary<string, StoreUsage> usage)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(usage);
        var extent = group.ExtentSectors * 512;
        var size = group.PhysicalVolumes.Sum(p => p.Count) * extent;
        var nodes = manifest.Nodes.Select(n => n.Name).ToHashSet();
        var entries = group.Volumes.Select(v => Entry(v, group.SizeOf(v), manifest, nodes, usage)).OrderByDescending(e => e.Size).ThenBy(e => e.Name, StringComparer.Ordinal);
        var image = group.Find(NodeVolumes.OriginName(manifest.Image)) is { } origin ? group.SizeOf(origin) : 0;
        return new Ledger([.. entries], size, group.FreeExtents * extent, size / 100 * manifest.Volumes.Reserve.Value, image,
            usage.Where(u => nodes.Contains(u.Key)).Sum(u => u.Value.DataUsed), image * nodes.Count, [.. nodes.Except(usage.Keys).Order(StringComparer.Ordinal)]);
    }

    /// <summary>The volumes that go when one is deleted: an image's two go together, and so do a node's, which make sense with each other only.</summary>
    /// <exception cref="FailureException">There is no such volume, or it is in use.</exception>
    public IReadOnlyList<LedgerEntry> Deletable(string name)
    {
        var entry = Volumes.FirstOrDefault(v => v.Name == name) ?? throw new FailureException($"there is no volume '{name}'; 'virtualinux storage ledger' lists them");
        IReadOnlyList<LedgerEntry> all = entry.Kind == "unknown" ? [entry] : [.. Volumes.Where(v => v.Owner == entry.Owner)];
        if (all.FirstOrDefault(v => v.Reclaim is null) is { } used) throw new FailureException($"{used.Name} ({used.Kind} of {used.Owner}) is in use{(used.Need is { } need ? $": {need}" : "")}; nothing was deleted");
        return all;
    }

    private static LedgerEntry Entry(LogicalVolume volume, long size, Manifest manifest, HashSet<string> nodes, IReadOnlyDictionary<string, StoreUsage> usage)
    {
        if (NodeVolumes.KindOf(volume) is not { } kind) return new LedgerEntry(volume.Name, "unknown", "", size, null, null, null);
        if (kind is VolumeKind.Origin or VolumeKind.Boot)
        {
            var image = NodeVolumes.ImageOf(volume.Name);
            var need = image is { } named && !NodeVolumes.IsUnverified(volume) ? manifest.NeedOf(named) : null;
            var state = need is not null ? null : NodeVolumes.IsUnverified(volume) ? "was never written to its end" : "no node starts this image";
            return new LedgerEntry(volume.Name, kind.ToString().ToLowerInvariant(), image?.ToString() ?? "", size, null, null, state, need);
        }
        if (kind is VolumeKind.Shared) return new LedgerEntry(volume.Name, "shared", "all nodes", size, null, null, manifest.Volumes.Shared.Bytes > 0 ? null : "the site has no shared volume");
        var node = volume.Name[..volume.Name.LastIndexOf('_')];
        var known = usage.GetValueOrDefault(node);
        var (used, fill) = kind switch
        {
            VolumeKind.Store => (known?.DataUsed, known?.FillPerDay),
            VolumeKind.StoreMetadata => (known?.MetadataUsed, null),
            _ => (known?.LocalUsed, (double?)null),
        };
        return new LedgerEntry(volume.Name, kind switch { VolumeKind.Store => "store", VolumeKind.StoreMetadata => "store metadata", _ => "local" }, node, size, used, fill, nodes.Contains(node) ? null : "its node is no longer in the site");
    }
}

/// <summary>One volume of the ledger.</summary>
/// <param name="Name">Its name in the group.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Owner">The node or the image.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Used">Bytes in use, as far as that is known.</param>
/// <param name="FillPerDay">Bytes that it gains a day, as far as that is known.</param>
/// <param name="Reclaim">Why it could be deleted; null when it is in use.</param>
/// <param name="Need">What an image that is in use is needed for.</param>
public sealed record LedgerEntry(string Name, string Kind, string Owner, long Size, long? Used, double? FillPerDay, string? Reclaim, string? Need = null)
{
    /// <summary>Days until it is full at this rate; null when it does not fill.</summary>
    public double? DaysUntilFull => Used is { } used && FillPerDay is > 0 and var fill ? (Size - used) / fill : null;
}
