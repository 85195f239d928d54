namespace VirtuaLinux.Model.Checks;

/// <summary>Nodes: names, addresses, and that nothing is there twice.</summary>
internal static class NodeCheck
{
    public static void Run(SiteCheck check)
    {
        var nodes = check.Site.Nodes;
        if (nodes.Count == 0) check.Wrong("nodes", "the site has no node", "write at least one, as in { name: node01, mac: \"52:54:00:77:00:01\", ip: 192.168.77.11 }");
        for (var i = 0; i < nodes.Count; i++) One(check, nodes[i], i);
        Twice(check);
        for (var i = 0; i < check.Site.Refused.Count; i++)
            if (nodes.FirstOrDefault(n => Cards(n, 0).Any(c => c.Mac == check.Site.Refused[i])) is { } refused)
                check.Wrong($"refused[{i}]", $"{check.Site.Refused[i]} is a card of {refused.Name}, which would never boot", "remove one of the two");
    }

    /// <summary>Addresses of a node with the network and the path of each; the short form is the network <c>cluster</c>.</summary>
    public static IEnumerable<(string Network, Ipv4Address Ip, string Path)> Addresses(SiteNode node, int index)
    {
        if (node.Ip is { } ip) yield return ("cluster", ip, $"nodes[{index}].ip");
        foreach (var (network, card) in node.Interfaces) yield return (network, card.Ip, $"{PathOf(index, network)}.ip");
    }

    private static string PathOf(int index, string network) => JsonPath.Member($"$.nodes[{index}].interfaces", network);

    private static IEnumerable<(MacAddress Mac, string Path)> Cards(SiteNode node, int index)
    {
        if (node.Mac is { } mac) yield return (mac, $"nodes[{index}].mac");
        foreach (var (network, card) in node.Interfaces) yield return (card.Mac, $"{PathOf(index, network)}.mac");
    }

    private static void One(SiteCheck check, SiteNode node, int index)
    {
        var path = $"nodes[{index}]";
        if (!Forms.HostName.IsMatch(node.Name)) check.Wrong($"{path}.name", $"'{node.Name}' is not a host name", "write letters, digits and inner hyphens, at most 63 of them and no dots, such as node01 (RFC 1123)");
        if (node.Slot is < 1) check.Wrong($"{path}.slot", $"slot {node.Slot} is not there", "count slots from 1, or remove the line");
        ClusterInterface(check, node, path);
        foreach (var network in node.Interfaces.Keys.Where(n => !check.Site.Networks.ContainsKey(n)))
            check.Wrong(PathOf(index, network), $"'{network}' is not a network of this site", Yaml.NearMiss.Of(network, check.Site.Networks.Keys) is { } meant ? $"did you mean '{meant}'?" : $"write one of: {string.Join(", ", check.Site.Networks.Keys)}; or add it under 'networks'");
        foreach (var (mac, at) in Cards(node, index))
            if (mac.Value == 0 || (mac.Value >> 40 & 1) != 0) check.Wrong(at, $"{mac} is not the address of one machine", "write the address of the network card, as printed on it or shown by its firmware");
        foreach (var (network, ip, at) in Addresses(node, index))
            if (check.Site.Networks.TryGetValue(network, out var its)) Address(check, its, network, ip, at);
    }

    private static void ClusterInterface(SiteCheck check, SiteNode node, string path)
    {
        var longForm = node.Interfaces.ContainsKey("cluster");
        const string advice = "write 'mac' and 'ip', or 'interfaces: { cluster: { mac: …, ip: … } }'";
        if (longForm && (node.Mac is not null || node.Ip is not null))
            check.Wrong($"{path}.interfaces.cluster", $"'{node.Name}' has its interface on the cluster network twice: here and in '{(node.Mac is not null ? "mac" : "ip")}' (line {check.LineOf(node.Mac is not null ? $"{path}.mac" : $"{path}.ip")})", "keep one of the two forms");
        else if (!longForm && node.Mac is null && node.Ip is null)
            check.Wrong(path, $"'{node.Name}' has no interface on the cluster network", advice);
        else if (!longForm && (node.Mac is null || node.Ip is null))
            check.Wrong(path, $"'{node.Name}' has '{(node.Mac is null ? "ip" : "mac")}' but no '{(node.Mac is null ? "mac" : "ip")}'", advice);
    }

    private static void Address(SiteCheck check, SiteNetwork network, string name, Ipv4Address ip, string at)
    {
        if (!network.Subnet.Contains(ip)) check.Wrong(at, $"{ip} is outside the network '{name}' ({network.Subnet})", NetworkCheck.HostAdvice(network.Subnet));
        else if (!network.Subnet.IsHost(ip)) check.Wrong(at, $"{ip} is the {(ip == network.Subnet.Network ? "network" : "broadcast")} address of '{name}' ({network.Subnet})", NetworkCheck.HostAdvice(network.Subnet));
        else if (ip == network.Gateway) check.Wrong(at, $"{ip} is the gateway of '{name}' (line {check.LineOf($"{NetworkCheck.PathOf(name)}.gateway")})", "give the node an address of its own");
        else if (check.Site.San?.Portals.Any(p => p.Address == ip) == true) check.Wrong(at, $"{ip} is a portal of the SAN (line {check.LineOf("san.portals")})", "give the node an address of its own");
    }

    private static void Twice(SiteCheck check)
    {
        var nodes = check.Site.Nodes;
        var names = new Seen<string>(check, StringComparer.OrdinalIgnoreCase);
        var macs = new Seen<MacAddress>(check);
        var ips = new Seen<Ipv4Address>(check);
        var slots = new Seen<int>(check);
        for (var i = 0; i < nodes.Count; i++)
        {
            names.Add(nodes[i].Name, i, $"nodes[{i}].name", "name");
            foreach (var (mac, path) in Cards(nodes[i], i)) macs.Add(mac, i, path, "MAC address");
            foreach (var (_, ip, path) in Addresses(nodes[i], i)) ips.Add(ip, i, path, "address");
            if (nodes[i].Bmc is { } bmc) ips.Add(bmc.Address, i, $"nodes[{i}].bmc.address", "address");
            if (nodes[i].Slot is { } slot) slots.Add(slot, i, $"nodes[{i}].slot", "slot");
        }
    }

    /// <summary>Values that only one node may have. One node may show one MAC address on several networks.</summary>
    private sealed class Seen<T>(SiteCheck check, IEqualityComparer<T>? comparer = null) where T : notnull
    {
        private readonly Dictionary<T, (int Node, string Path)> first = new(comparer);

        public void Add(T value, int node, string path, string what)
        {
            if (first.TryAdd(value, (node, path)) || first[value].Node == node && what == "MAC address") return;
            var (owner, at) = first[value];
            check.Wrong(path, $"the {what} {value} is given twice: '{check.Site.Nodes[owner].Name}' has it in line {check.LineOf(at)}", $"give '{check.Site.Nodes[node].Name}' its own");
        }
    }
}
