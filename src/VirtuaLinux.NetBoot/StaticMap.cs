using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>The manifest, indexed for lookups by MAC address and by IP address; immutable.</summary>
public sealed class StaticMap
{
    private readonly Dictionary<(MacAddress Mac, string Network), StaticHost> byMac = [];
    private readonly Dictionary<MacAddress, StaticHost> anyByMac = [];
    private readonly Dictionary<Ipv4Address, StaticHost> byAddress = [];
    private readonly (string Name, Ipv4Subnet Subnet)[] networks;
    private readonly HashSet<MacAddress> refused;

    /// <summary>Indexes a manifest.</summary>
    public StaticMap(Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        Manifest = manifest;
        networks = [.. manifest.Networks.Select(n => (n.Key, n.Value.Subnet))];
        refused = [.. manifest.Refused];
        foreach (var node in manifest.Nodes)
        {
            foreach (var (name, card) in node.Interfaces)
            {
                if (!manifest.Networks.TryGetValue(name, out var network)) continue;
                var host = new StaticHost(node, name, network, card.Mac, card.Ip);
                byMac.TryAdd((card.Mac, name), host);
                byAddress.TryAdd(card.Ip, host);
                if (name == "cluster") anyByMac[card.Mac] = host;
                else anyByMac.TryAdd(card.Mac, host);
            }
        }
    }

    /// <summary>What was indexed.</summary>
    public Manifest Manifest { get; }

    /// <summary>The interface with this MAC address on a network, or null.</summary>
    public StaticHost? Find(MacAddress mac, string network) => byMac.GetValueOrDefault((mac, network));

    /// <summary>The interface with this MAC address, the one on the cluster network first, or null.</summary>
    public StaticHost? Find(MacAddress mac) => anyByMac.GetValueOrDefault(mac);

    /// <summary>The interface with this address, or null.</summary>
    public StaticHost? Find(Ipv4Address address) => byAddress.GetValueOrDefault(address);

    /// <summary>Whether the site file says that this machine gets no answer, ever.</summary>
    public bool IsRefused(MacAddress mac) => refused.Contains(mac);

    /// <summary>Name of the network that an address lies in, or null.</summary>
    public string? NetworkOf(Ipv4Address address)
    {
        foreach (var (name, subnet) in networks)
            if (subnet.Contains(address)) return name;
        return null;
    }
}

/// <summary>One interface of one node of the manifest.</summary>
/// <param name="Node">The node.</param>
/// <param name="NetworkName">Name of the interface's network.</param>
/// <param name="Network">That network.</param>
/// <param name="Mac">The interface's MAC address.</param>
/// <param name="Address">The interface's address.</param>
public sealed record StaticHost(ManifestNode Node, string NetworkName, SiteNetwork Network, MacAddress Mac, Ipv4Address Address);
