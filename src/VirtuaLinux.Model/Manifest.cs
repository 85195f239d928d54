using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>The compiled site: what the boot path needs and nothing else. The copy on the SAN rules; the newest serial wins.</summary>
public sealed record Manifest
{
    /// <summary>Version of this format (see <see cref="SignedManifest.KnownFormat"/>).</summary>
    public int Format { get; set; } = SignedManifest.KnownFormat;

    /// <summary>The oldest format whose programs may act on this manifest, ignoring the members that they do not know; absent when only its own may.</summary>
    public int? ReadableFrom { get; init; }

    /// <summary>Identity of the site, made once at installation.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>Counts up with every committed change.</summary>
    public required long Serial { get; init; }

    /// <summary>The image that the nodes run, but for those that name another.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>SHA-256 over the image's root (see <c>ChunkDigest</c>), in lower-case hexadecimal.</summary>
    public required string RootDigest { get; init; }

    /// <summary>The images that were added to the site, in that order; the one that it was installed with is among them once it is no longer <see cref="Image"/>.</summary>
    public IReadOnlyList<ManifestImage> Images { get; set; } = [];

    /// <summary>Name of the site.</summary>
    public required string Name { get; init; }

    /// <summary>Networks by name.</summary>
    public required IReadOnlyDictionary<string, SiteNetwork> Networks { get; init; }

    /// <summary>The SAN; a manifest without one serves boot files only.</summary>
    public SiteSan? San { get; init; }

    /// <summary>Accounts.</summary>
    public IReadOnlyList<SiteAccess> Access { get; set; } = [];

    /// <summary>Sizes of volumes.</summary>
    public required SiteVolumes Volumes { get; init; }

    /// <summary>The floating address of whoever serves the volume that all nodes share; absent without one.</summary>
    public Ipv4Address? SharedAddress { get; init; }

    /// <summary>Kernel arguments for every node.</summary>
    public string KernelArguments { get; set; } = "";

    /// <summary>The machines, each with all its interfaces, in the site file's order.</summary>
    public required IReadOnlyList<ManifestNode> Nodes { get; init; }

    /// <summary>Machines that boot servers never answer.</summary>
    public IReadOnlyList<MacAddress> Refused { get; set; } = [];

    /// <summary>Why no machine may start from the LUN that this copy is on; absent on the LUN where the site is.</summary>
    public ManifestMove? Move { get; init; }

    /// <summary>The network that nodes boot from.</summary>
    [JsonIgnore]
    public SiteNetwork ClusterNetwork => Networks["cluster"];

    /// <summary>The node that owns a MAC address on any network, or null.</summary>
    public ManifestNode? FindNode(MacAddress mac) => Nodes.FirstOrDefault(n => n.Interfaces.Values.Any(i => i.Mac == mac));

    /// <summary>Name of the node that has an address on the cluster network; the address where none has it.</summary>
    public string NameOf(Ipv4Address address) => Nodes.FirstOrDefault(n => n.Cluster.Ip == address)?.Name ?? address.ToString();

    /// <summary>The image that a node starts next.</summary>
    public ImageVersion ImageOf(ManifestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.Image ?? Image;
    }

    /// <summary>Digest of one of the site's images; null for another one.</summary>
    public string? DigestOf(ImageVersion image) => image == Image ? RootDigest : Images.FirstOrDefault(i => i.Image == image)?.RootDigest;

    /// <summary>Why an image must stay on the SAN; null when nothing needs it.</summary>
    public string? NeedOf(ImageVersion image)
    {
        if (image == Image) return "it is the site's image";
        if (Images.FirstOrDefault(i => i.Image == image) is { Pinned: true }) return "it is pinned";
        if (Nodes.Where(n => n.Image == image).Select(n => n.Name).ToList() is { Count: > 0 } running) return $"{string.Join(", ", running)} start{(running.Count == 1 ? "s" : "")} it";
        return Nodes.Where(n => n.Former == image).Select(n => n.Name).ToList() is { Count: > 0 } kept ? $"{string.Join(", ", kept)} can be rolled back to it" : null;
    }

    /// <summary>Compiles a valid site (the loader of site files checked it).</summary>
    public static Manifest Compile(Site site, Guid siteId, long serial, ImageVersion image, string rootDigest)
    {
        ArgumentNullException.ThrowIfNull(site);
        return new Manifest
        {
            SiteId = siteId,
            Serial = serial,
            Image = image,
            RootDigest = rootDigest,
            Name = site.Name,
            Networks = site.Networks,
            San = site.San,
            Access = site.Access,
            Volumes = site.Volumes,
            SharedAddress = site.SharedAddress,
            KernelArguments = site.KernelArguments,
            Refused = site.Refused,
            Nodes = [.. site.Nodes.Select(ManifestNode.From)],
        };
    }
}

/// <summary>One of the site's images, as the site signed it.</summary>
public sealed record ManifestImage
{
    /// <summary>Name and version.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>SHA-256 over the image's root, in lower-case hexadecimal.</summary>
    public required string RootDigest { get; init; }

    /// <summary>Whether it stays even when no node needs it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Pinned { get; init; }
}

/// <summary>One machine of the manifest.</summary>
public sealed record ManifestNode
{
    /// <summary>Host name.</summary>
    public required string Name { get; init; }

    /// <summary>Interfaces by name of their network; <c>cluster</c> is always there.</summary>
    public required IReadOnlyDictionary<string, SiteInterface> Interfaces { get; init; }

    /// <summary>Management board, if there is one.</summary>
    public SiteBmc? Bmc { get; init; }

    /// <summary>Slot of the chassis, counted from 1.</summary>
    public int? Slot { get; init; }

    /// <summary>The image that this node starts; absent where it is the site's.</summary>
    public ImageVersion? Image { get; init; }

    /// <summary>The image that it can be rolled back to, whose root it keeps; absent where there is none.</summary>
    public ImageVersion? Former { get; init; }

    /// <summary>Whether the node restarts at once when it runs another image than this manifest says, and does not wait for its next start.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Restarts { get; init; }

    /// <summary>The interface that the node boots from.</summary>
    [JsonIgnore]
    public SiteInterface Cluster => Interfaces["cluster"];

    /// <summary>Name of the network whose gateway is this node's default route: the cluster network's if it has one, or else the first other one's by name; null without any.</summary>
    public string? DefaultRoute(IReadOnlyDictionary<string, SiteNetwork> networks) =>
        Interfaces.Keys.Where(n => networks[n].Gateway is not null).OrderBy(n => n != "cluster").ThenBy(n => n, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Brings the short form of the site file into the long one.</summary>
    public static ManifestNode From(SiteNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var interfaces = new SortedDictionary<string, SiteInterface>(StringComparer.Ordinal);
        foreach (var (name, value) in node.Interfaces) interfaces[name] = value;
        if (node is { Mac: { } mac, Ip: { } ip }) interfaces["cluster"] = new SiteInterface { Mac = mac, Ip = ip };
        return new ManifestNode { Name = node.Name, Interfaces = interfaces, Bmc = node.Bmc, Slot = node.Slot };
    }
}
