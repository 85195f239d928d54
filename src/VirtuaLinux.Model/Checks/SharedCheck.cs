namespace VirtuaLinux.Model.Checks;

/// <summary>The floating address of the shared volume: one of the cluster network that nobody else has.</summary>
internal static class SharedCheck
{
    public static void Run(SiteCheck check)
    {
        var site = check.Site;
        if (!site.Networks.TryGetValue("cluster", out var network)) return;
        if (site.Volumes.Shared.Bytes == 0)
        {
            if (site.Shared is not null) check.Wrong("shared", "there is no shared volume that could be served", "add its size, as in 'volumes: { shared: 4GiB }', or remove 'shared'");
            return;
        }
        if (site.SharedAddress is not { } address)
        {
            check.Wrong("volumes.shared", $"no address of {network.Subnet} is left for the node that serves the shared volume", "make the discovery range smaller, or the subnet larger");
            return;
        }
        if (site.Shared?.Address is null) return;
        const string path = "shared.address", advice = "write an address that nobody has";
        if (!network.Subnet.IsHost(address)) check.Wrong(path, $"{address} is not a host address of 'cluster' ({network.Subnet})", NetworkCheck.HostAdvice(network.Subnet));
        else if (address == network.Gateway) check.Wrong(path, $"{address} is the gateway of 'cluster' (line {check.LineOf($"{NetworkCheck.PathOf("cluster")}.gateway")})", advice);
        else if (network.Discovery is { } range && range.Contains(address)) check.Wrong(path, $"{address} is in the discovery range {range} (line {check.LineOf($"{NetworkCheck.PathOf("cluster")}.discovery")}), whose addresses are lent to machines", advice);
        else if (site.San?.Portals.Any(p => p.Address == address) == true) check.Wrong(path, $"{address} is a portal of the SAN (line {check.LineOf("san.portals")})", advice);
        foreach (var (node, index) in site.Nodes.Select((n, i) => (n, i)))
        {
            foreach (var (_, ip, at) in NodeCheck.Addresses(node, index))
                if (ip == address) check.Wrong(path, $"{address} is an address of '{node.Name}' (line {check.LineOf(at)}), and this one moves from node to node", advice);
            if (node.Bmc?.Address == address) check.Wrong(path, $"{address} is the management board of '{node.Name}' (line {check.LineOf($"nodes[{index}].bmc.address")})", advice);
        }
    }
}
