using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Node.Tests;

public sealed class NodeLinkTests
{
    [Fact]
    public void The_cluster_link_comes_first_and_the_others_by_name() =>
        Assert.Equal(["cluster 10.0.1.1/24 mandatory", "a-storage 10.0.0.1/24", "storage 10.0.2.1/24"], Links(("storage", null), ("a-storage", null), ("cluster", null)));

    [Fact]
    public void The_default_route_is_the_cluster_networks_gateway_and_no_other() =>
        Assert.Equal(["cluster 10.0.1.1/24 via 10.0.1.254 mandatory", "a-storage 10.0.0.1/24", "storage 10.0.2.1/24"], Links(("storage", "10.0.2.254"), ("a-storage", "10.0.0.254"), ("cluster", "10.0.1.254")));

    [Fact]
    public void Without_a_gateway_on_the_cluster_network_the_first_other_one_is_the_default_route() =>
        Assert.Equal(["cluster 10.0.1.1/24 mandatory", "a-storage 10.0.0.1/24", "external 10.0.3.1/24 via 10.0.3.254", "storage 10.0.2.1/24"], Links(("storage", "10.0.2.254"), ("a-storage", null), ("external", "10.0.3.254"), ("cluster", null)));

    [Fact]
    public void A_network_that_the_node_is_not_on_gives_it_no_link_and_no_route()
    {
        var node = new ManifestNode { Name = "node01", Interfaces = new Dictionary<string, SiteInterface> { ["cluster"] = Card("10.0.1.1") } };
        var link = Assert.Single(NodeLink.Of(node, new Dictionary<string, SiteNetwork> { ["cluster"] = Network("10.0.1.0/24", null), ["external"] = Network("10.0.3.0/24", "10.0.3.254") }));
        Assert.Null(link.Gateway);
    }

    private static IEnumerable<string> Links(params (string Name, string? Gateway)[] networks)
    {
        string Base(string name) => name switch { "a-storage" => "10.0.0", "cluster" => "10.0.1", "storage" => "10.0.2", _ => "10.0.3" };
        var node = new ManifestNode { Name = "node01", Interfaces = networks.ToDictionary(n => n.Name, n => Card($"{Base(n.Name)}.1")) };
        return NodeLink.Of(node, networks.ToDictionary(n => n.Name, n => Network($"{Base(n.Name)}.0/24", n.Gateway)))
            .Select(l => $"{l.Network} {l.Address}/{l.Subnet.PrefixLength}{(l.Gateway is { } gateway ? $" via {gateway}" : "")}{(l.IsMandatory ? " mandatory" : "")}");
    }

    private static SiteInterface Card(string ip) => new() { Mac = MacAddress.Parse("52:54:00:77:00:01"), Ip = Ipv4Address.Parse(ip) };

    private static SiteNetwork Network(string subnet, string? gateway) => new() { Subnet = Ipv4Subnet.Parse(subnet), Gateway = gateway is null ? null : Ipv4Address.Parse(gateway) };
}
