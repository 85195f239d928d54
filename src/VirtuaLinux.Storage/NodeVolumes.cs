using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>The volumes of the site's group: their names, their creation, and (<c>NodeVolumes.Mapping.cs</c>) their mapping on the one node that uses them.</summary>
public sealed partial class NodeVolumes(ICommandRunner runner, VolumeGroup group, IReadOnlyDictionary<string, string> devices)
{
    private readonly DeviceMapper _mapper = new(runner);

    /// <summary>Paths of the group's physical volumes.</summary>
    public IEnumerable<string> Devices => devices.Values.Distinct();

    /// <summary>Name of an image's origin.</summary>
    public static string OriginName(ImageVersion image) => image.ToVolumeName();

    /// <summary>Name of an image's boot volume.</summary>
    public static string BootName(ImageVersion image) => $"{image.ToVolumeName()}_boot";

    /// <summary>Name of a node's exception store.</summary>
    public static string StoreName(string node) => $"{node}_data";

    /// <summary>Name of the metadata of a node's exception store.</summary>
    public static string MetadataName(string node) => $"{node}_meta";

    /// <summary>Name of a node's private volume.</summary>
    public static string LocalName(string node) => $"{node}_local";

    /// <summary>Name of the volume that all nodes share.</summary>
    public const string SharedName = "shared";

    /// <summary>Device of that volume on the node that serves it.</summary>
    public const string SharedDevice = "vl-shared";

    /// <summary>Device of a running node's private volume.</summary>
    public const string LocalDevice = "vl-local";

    /// <summary>Device of a running node's root.</summary>
    public const string RootDevice = "vl-root";

    /// <summary>Device of a running node's pool.</summary>
    public const string PoolDevice = "vl-pool";

    /// <summary>What the names of devices begin with through which a node has the volumes of an image mapped that it does not run.</summary>
    public const string ImageDevice = "vl-image-";

    /// <summary>The same, while it writes them.</summary>
    public const string WriteDevice = "vl-write-";

    /// <summary>Device of the origin below a running node's root.</summary>
    public const string OriginDevice = "vl-origin";

    private const string DataDevice = "vl-data", MetadataDevice = "vl-meta", OriginUuidStart = "virtualinux-origin-";

    private const string Unverified = "virtualinux.unverified";

    private const ulong PoolMagic = 27022010;

    /// <summary>What a volume is for, by what was noted about it; null for one that is not of this product.</summary>
    public static VolumeKind? KindOf(LogicalVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        return volume.Tags.Select<string, VolumeKind?>(tag => tag switch
        {
            "virtualinux.origin" => VolumeKind.Origin,
            "virtualinux.boot" => VolumeKind.Boot,
            "virtualinux.pool-data" => VolumeKind.Store,
            "virtualinux.pool-metadata" => VolumeKind.StoreMetadata,
            "virtualinux.local" => VolumeKind.Local,
            "virtualinux.shared" => VolumeKind.Shared,
            _ => null,
        }).FirstOrDefault(k => k is not null);
    }

    /// <summary>Adds the origin and the boot volume of an image where they are missing; they count as unverified until <see cref="MarkVerified"/>.</summary>
    /// <exception cref="FailureException">There is another image of that name and version.</exception>
    /// <exception cref="InvalidOperationException">The extents do not suffice.</exception>
    public static VolumeGroup AddImage(VolumeGroup group, ImageInfo image)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(image);
        foreach (var (name, digest) in ((string, string)[])[(OriginName(image.Image), image.RootDigest), (BootName(image.Image), image.BootDigest)])
            if (group.Find(name) is { } there && !there.Tags.Contains($"digest.{digest}")) throw new FailureException($"the SAN has another {image.Image}: its volume {name} is not of digest {digest[..12]}; build the image again under a version of its own");
        group = AddMissing(group, OriginName(image.Image), new ByteSize(image.RootSize), readOnly: true, "virtualinux.origin", $"digest.{image.RootDigest}", Unverified);
        return AddMissing(group, BootName(image.Image), new ByteSize(image.BootSize), readOnly: true, "virtualinux.boot", $"digest.{image.BootDigest}", Unverified);
    }

    /// <summary>Whether what is in a volume of an image may still be half of it.</summary>
    public static bool IsUnverified(LogicalVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        return volume.Tags.Contains(Unverified);
    }

    /// <summary>Notes that the volumes of an image were written and read back.</summary>
    public static VolumeGroup MarkVerified(VolumeGroup group, ImageVersion image)
    {
        ArgumentNullException.ThrowIfNull(group);
        string[] names = [OriginName(image), BootName(image)];
        if (names.FirstOrDefault(n => group.Find(n) is null) is { } gone) throw new FailureException($"{gone} was deleted while it was written; add the image again");
        return group with { Volumes = [.. group.Volumes.Select(v => names.Contains(v.Name) ? v with { Tags = [.. v.Tags.Where(t => t != Unverified)] } : v)] };
    }

    /// <summary>The image that an origin or boot volume belongs to, by its name. That it is one, <see cref="KindOf"/> tells: a node's volume may be named alike.</summary>
    public static ImageVersion? ImageOf(string volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var name = volume.EndsWith("_boot", StringComparison.Ordinal) ? volume[..^"_boot".Length] : volume;
        return ImageVersion.TryParse(name.Replace('_', '@'), null, out var image) ? image : null;
    }

    /// <summary>The images of which this machine has volumes mapped beside the one that it runs.</summary>
    public static IReadOnlyList<ImageVersion> MappedImages() =>
        [.. Directory.EnumerateDirectories("/sys/block", "dm-*").SelectMany(d => (string[])[$"{d}/dm/name", $"{d}/dm/uuid"]).Where(File.Exists).Select(n => MappedImage(File.ReadAllText(n).Trim())).OfType<ImageVersion>().Distinct()];

    /// <summary>The image of which a device with that name or UUID has a volume; null for another device.</summary>
    internal static ImageVersion? MappedImage(string name) =>
        ((string[])[ImageDevice, WriteDevice, OriginUuidStart]).Where(p => name.StartsWith(p, StringComparison.Ordinal)).Select(p => ImageOf(name[p.Length..].Split('+')[0])).FirstOrDefault();

    /// <summary>By which an origin below another node's root is known, whatever the device is called; a plus sign is in no image's name.</summary>
    internal static string OriginUuid(ImageVersion image, string device) => $"{OriginUuidStart}{OriginName(image)}+{device}";

    /// <summary>Adds the volumes of nodes, and the one that they share, where they are missing, and extends <c>shared</c> and each <c>local</c> that is smaller; exception stores grow by themselves when they fill.</summary>
    /// <exception cref="InvalidOperationException">The extents do not suffice.</exception>
    public static VolumeGroup AddNodes(VolumeGroup group, IEnumerable<string> nodes, SiteVolumes volumes)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentNullException.ThrowIfNull(volumes);
        if (volumes.Shared.Bytes > 0)
            group = group.Find(SharedName) is null ? group.Add(SharedName, volumes.Shared, readOnly: false, "virtualinux.shared") : group.Extend(SharedName, volumes.Shared);
        var there = group.Volumes.ToDictionary(v => v.Name);
        var names = nodes.ToList();
        var added = group.Add(names.SelectMany(n => VolumesOf(n, volumes)).Where(v => !there.ContainsKey(v.Name)));
        return names.Where(n => there.TryGetValue(LocalName(n), out var local) && group.SizeOf(local) < volumes.Local.Bytes).Aggregate(added, (sum, n) => sum.Extend(LocalName(n), volumes.Local));
    }

    /// <summary>Bytes that <see cref="AddNodes(VolumeGroup, IEnumerable{string}, SiteVolumes)"/> takes, whether there are as many or not.</summary>
    public static long NeedOf(VolumeGroup group, IEnumerable<string> nodes, SiteVolumes volumes)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(volumes);
        var there = group.Volumes.ToDictionary(v => v.Name);
        return Growth(SharedName, volumes.Shared) + nodes.Sum(n => Growth(LocalName(n), volumes.Local) + VolumesOf(n, volumes).Where(v => v.Name != LocalName(n) && !there.ContainsKey(v.Name)).Sum(v => VolumeSizes.InExtents(v.Size)));

        long Growth(string name, ByteSize size) => Math.Max(0, VolumeSizes.InExtents(size) - (there.TryGetValue(name, out var old) ? group.SizeOf(old) : 0));
    }

    /// <summary>Bytes that <see cref="AddImage"/> takes, whether there are as many or not.</summary>
    public static long NeedOf(VolumeGroup group, ImageInfo image)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(image);
        (string Name, long Size)[] volumes = [(OriginName(image.Image), image.RootSize), (BootName(image.Image), image.BootSize)];
        return volumes.Where(v => group.Find(v.Name) is null).Sum(v => VolumeSizes.InExtents(new ByteSize(v.Size)));
    }

    private static NewVolume[] VolumesOf(string node, SiteVolumes volumes) =>
    [
        new(MetadataName(node), VolumeSizes.PoolMetadata(volumes.Root), false, ["virtualinux.pool-metadata"]),
        new(StoreName(node), VolumeSizes.FirstStore(volumes.Root), false, ["virtualinux.pool-data"]),
        new(LocalName(node), volumes.Local, false, ["virtualinux.local"]),
    ];

    /// <summary>Adds the volumes of all these nodes, and the one that they share, where they are missing, and marks the starts of those as fresh that must not look like an older content; to be committed then.</summary>
    /// <param name="group">The group as it is.</param>
    /// <param name="nodes">Names of nodes.</param>
    /// <param name="volumes">Sizes.</param>
    /// <param name="devices">Path of the device of each physical volume, by name.</param>
    /// <returns>The next group, or the same one if nothing is missing or too small.</returns>
    /// <exception cref="FailureException">The extents do not suffice, or an I/O error.</exception>
    public static VolumeGroup AddNodes(VolumeGroup group, IReadOnlyList<string> nodes, SiteVolumes volumes, IReadOnlyDictionary<string, string> devices)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentNullException.ThrowIfNull(devices);
        VolumeGroup added;
        try
        {
            added = AddNodes(group, nodes, volumes);
        }
        catch (InvalidOperationException e)
        {
            throw new FailureException($"{LvmTools.GroupName}: {e.Message}; let the array grow the LUN, then take that over with 'virtualinux storage extend'", e);
        }
        if (ReferenceEquals(added, group)) return group;
        var fresh = added.Volumes.Skip(group.Volumes.Count).Where(v => KindOf(v) is VolumeKind.StoreMetadata or VolumeKind.Local or VolumeKind.Shared);
        foreach (var onDevice in fresh.GroupBy(v => devices[v.Segments[0].PhysicalVolume]))
        {
            using var physical = BlockDevice.Open(onDevice.Key, writable: true);
            foreach (var volume in onDevice) FreshVolume.Write(physical, added.OffsetOf(volume));
            physical.Flush();
        }
        return added;
    }

    /// <summary>Whether the first 4 KiB of a device are zeros: it was never used, or is damaged.</summary>
    public static bool IsBlank(string device)
    {
        using var opened = BlockDevice.Open(device, writable: false);
        var start = new byte[4096];
        opened.Read(0, start);
        return ChunkDigest.IsZero(start);
    }

    private static VolumeGroup AddMissing(VolumeGroup group, string name, ByteSize size, bool readOnly, params IReadOnlyList<string> tags) =>
        group.Find(name) is null ? group.Add(name, size, readOnly, tags) : group;
}
