using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>The compiled site: what the boot path needs and nothing else. The copy on the SAN rules; the newest serial wins.</summary>
public sealed record Manifest
{
    /// <summary>Version of this format; 1.</summary>
    public int Format { get; set; } = 1;

    /// <summary>Identity of the site, made once at installation.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>Counts up with every committed change.</summary>
    public required long Serial { get; init; }

    /// <summary>The image that the nodes run.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>SHA-256 over the image's root (see <c>ChunkDigest</c>), in lower-case hexadecimal.</summary>
    public required string RootDigest { get; init; }

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

    /// <summary>Kernel arguments for every node.</summary>
    public string KernelArguments { get; set; } = "";

    /// <summary>The machines, each with all its interfaces, in the site file's order.</summary>
    public required IReadOnlyList<ManifestNode> Nodes { get; init; }

    /// <summary>Machines that boot servers never answer.</summary>
    public IReadOnlyList<MacAddress> Refused { get; set; } = [];

    /// <summary>The network that nodes boot from.</summary>
    [JsonIgnore]
    public SiteNetwork ClusterNetwork => Networks["cluster"];

    /// <summary>The node that owns a MAC address on any network, or null.</summary>
    public ManifestNode? FindNode(MacAddress mac) => Nodes.FirstOrDefault(n => n.Interfaces.Values.Any(i => i.Mac == mac));

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
            KernelArguments = site.KernelArguments,
            Refused = site.Refused,
            Nodes = [.. site.Nodes.Select(ManifestNode.From)],
        };
    }
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
