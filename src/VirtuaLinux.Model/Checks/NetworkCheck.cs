namespace VirtuaLinux.Model.Checks;

/// <summary>Networks: names, gateways, discovery ranges, overlaps.</summary>
internal static class NetworkCheck
{
    public static void Run(SiteCheck check)
    {
        var networks = check.Site.Networks;
        if (!networks.ContainsKey("cluster")) check.Wrong("networks", "the network 'cluster' is missing: nodes boot from it", "add 'cluster: { subnet: 192.168.77.0/24 }' under 'networks'");
        foreach (var (name, network) in networks) One(check, name, network);
        foreach (var (first, second) in Pairs([.. networks]))
        {
            if (!first.Value.Subnet.Contains(second.Value.Subnet.Network) && !second.Value.Subnet.Contains(first.Value.Subnet.Network)) continue;
            check.Wrong($"{PathOf(second.Key)}.subnet", $"the subnet of '{second.Key}' overlaps that of '{first.Key}' in line {check.LineOf($"{PathOf(first.Key)}.subnet")}", "give each network addresses of its own");
        }
    }

    public static string PathOf(string network) => JsonPath.Member("$.networks", network);

    private static void One(SiteCheck check, string name, SiteNetwork network)
    {
        var path = PathOf(name);
        if (!Forms.Key.IsMatch(name)) check.Wrong(path, $"'{name}' is not a name for a network", "write small letters, digits and hyphens, such as cluster or storage");
        if (network.Subnet.PrefixLength > 30) check.Wrong($"{path}.subnet", $"{network.Subnet} has no room for a cluster", "write a subnet of /30 or larger, such as 192.168.77.0/24");
        if (network.Gateway is { } gateway && !network.Subnet.IsHost(gateway))
            check.Wrong($"{path}.gateway", $"the gateway {gateway} is not a host address of {network.Subnet}", HostAdvice(network.Subnet));
        if (network.Domain is { } domain && (domain.Length > 253 || !Forms.Domain.IsMatch(domain)))
            check.Wrong($"{path}.domain", $"'{domain}' is not a DNS domain", "write labels of letters, digits and hyphens with dots between them, such as blade16.internal");
        if (network.Discovery is { } discovery) Discovery(check, path, network, discovery);
    }

    private static void Discovery(SiteCheck check, string path, SiteNetwork network, Ipv4Range range)
    {
        path += ".discovery";
        if (!network.Subnet.IsHost(range.First) || !network.Subnet.IsHost(range.Last))
        {
            check.Wrong(path, $"the discovery range {range} leaves the host addresses of {network.Subnet}", HostAdvice(network.Subnet));
            return;
        }
        const string advice = "move the range to addresses that nobody has";
        if (network.Gateway is { } gateway && range.Contains(gateway)) check.Wrong(path, $"the discovery range {range} contains the gateway {gateway}", advice);
        foreach (var portal in check.Site.San?.Portals ?? [])
            if (range.Contains(portal.Address)) check.Wrong(path, $"the discovery range {range} contains the portal {portal}", advice);
        foreach (var (node, index) in check.Site.Nodes.Select((n, i) => (n, i)))
            foreach (var (_, ip, at) in NodeCheck.Addresses(node, index))
                if (range.Contains(ip)) check.Wrong(path, $"the discovery range {range} contains {ip} of '{node.Name}' in line {check.LineOf(at)}", advice);
    }

    public static string HostAdvice(Ipv4Subnet subnet) => subnet.PrefixLength > 30
        ? $"write an address of {subnet}"
        : $"write addresses from {new Ipv4Address(subnet.Network.Value + 1)} to {new Ipv4Address(subnet.BroadcastAddress.Value - 1)}";

    private static IEnumerable<(T First, T Second)> Pairs<T>(IReadOnlyList<T> items)
    {
        for (var i = 0; i < items.Count; i++)
            for (var j = i + 1; j < items.Count; j++)
                yield return (items[i], items[j]);
    }
}
