using System.Text.Json.Serialization;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Cluster;

/// <summary>One image of a running site.</summary>
/// <param name="Image">Name and version.</param>
/// <param name="State"><c>the site's</c>, <c>pinned</c>, <c>needed</c>, <c>not needed</c> or <c>incomplete</c>.</param>
/// <param name="Size">Bytes of its volumes.</param>
/// <param name="StartedBy">Nodes whose next start is with it.</param>
/// <param name="RunBy">Nodes that answer and run it.</param>
/// <param name="KeptBy">Nodes that can be rolled back to it.</param>
public sealed record SiteImage(ImageVersion Image, string State, long Size, IReadOnlyList<string> StartedBy, IReadOnlyList<string> RunBy, IReadOnlyList<string> KeptBy)
{
    /// <summary>The images of a site, the site's own first.</summary>
    /// <param name="manifest">The manifest that rules.</param>
    /// <param name="group">The volume group.</param>
    /// <param name="status">What the nodes say, by name.</param>
    public static IReadOnlyList<SiteImage> Of(Manifest manifest, VolumeGroup group, IReadOnlyDictionary<string, NodeStatus> status)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(status);
        var volumes = group.Volumes.Where(v => NodeVolumes.KindOf(v) is VolumeKind.Origin or VolumeKind.Boot).ToLookup(v => NodeVolumes.ImageOf(v.Name));
        return [.. manifest.Images.Select(i => i.Image).Prepend(manifest.Image).Concat(volumes.Select(v => v.Key).OfType<ImageVersion>()).Distinct().Select(image => new SiteImage(
            image,
            volumes[image].Any(NodeVolumes.IsUnverified) || manifest.DigestOf(image) is null ? "incomplete" : image == manifest.Image ? "the site's" : manifest.Images.Any(i => i.Image == image && i.Pinned) ? "pinned" : manifest.NeedOf(image) is null ? "not needed" : "needed",
            volumes[image].Sum(group.SizeOf),
            [.. manifest.Nodes.Where(n => manifest.ImageOf(n) == image).Select(n => n.Name)],
            [.. manifest.Nodes.Select(n => n.Name).Where(n => status.GetValueOrDefault(n)?.ImageVersion == image.ToString())],
            [.. manifest.Nodes.Where(n => n.Former == image).Select(n => n.Name)]))];
    }
}

/// <summary>Serialisation of what is said of a site.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<SiteImage>))]
public sealed partial class ClusterJson : JsonSerializerContext;
