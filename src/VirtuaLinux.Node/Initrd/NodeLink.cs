using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Initrd;

/// <summary>One of a node's links as the initrd brings it up.</summary>
/// <param name="Network">Name of its network.</param>
/// <param name="Mac">MAC address of its card.</param>
/// <param name="Address">The node's address there.</param>
/// <param name="Subnet">The network's addresses.</param>
/// <param name="Gateway">The default route, on at most one of a node's links.</param>
public sealed record NodeLink(string Network, MacAddress Mac, Ipv4Address Address, Ipv4Subnet Subnet, Ipv4Address? Gateway)
{
    /// <summary>Whether the node cannot do without: it serves and is served on the cluster network. The SAN may have other ways.</summary>
    public bool IsMandatory => Network == "cluster";

    /// <summary>All links of a node, the mandatory one first.</summary>
    /// <param name="node">The node.</param>
    /// <param name="networks">The site's networks.</param>
    public static IReadOnlyList<NodeLink> Of(ManifestNode node, IReadOnlyDictionary<string, SiteNetwork> networks)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(networks);
        var route = node.DefaultRoute(networks);
        return [.. node.Interfaces
            .Select(i => new NodeLink(i.Key, i.Value.Mac, i.Value.Ip, networks[i.Key].Subnet, i.Key == route ? networks[i.Key].Gateway : null))
            .OrderBy(l => !l.IsMandatory).ThenBy(l => l.Network, StringComparer.Ordinal)];
    }
}
