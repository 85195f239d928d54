using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>The site of the tests: three nodes on one network, served from outside; the last has a card on a network behind a relay as well.</summary>
internal static class TestSite
{
    public static readonly MacAddress BehindRelay = MacAddress.Parse("52:54:00:77:01:03");

    public static MacAddress Node(int number) => new(0x525400770000 + (ulong)number);

    public static Manifest Manifest(string subnet = "192.168.77.0/24", int nodes = 3) => VirtuaLinux.Model.Manifest.Compile(
        new Site
        {
            Name = "blade16",
            Networks = new Dictionary<string, SiteNetwork>
            {
                ["cluster"] = new()
                {
                    Subnet = Ipv4Subnet.Parse(subnet),
                    Gateway = Host(subnet, 254),
                    Domain = "blade16.internal",
                    Discovery = new Ipv4Range(Host(subnet, 200), Host(subnet, 203)),
                },
                ["annex"] = new() { Subnet = Ipv4Subnet.Parse("10.9.0.0/24"), Gateway = Ipv4Address.Parse("10.9.0.1") },
            },
            KernelArguments = "console=ttyS0",
            Nodes = [.. Enumerable.Range(1, nodes).Select(i => new SiteNode
            {
                Name = $"node{i:00}",
                Mac = Node(i),
                Ip = Host(subnet, 10 + i),
                Interfaces = i == 3 ? new Dictionary<string, SiteInterface> { ["annex"] = new() { Mac = BehindRelay, Ip = Ipv4Address.Parse("10.9.0.13") } } : new Dictionary<string, SiteInterface>(),
            })],
        },
        Guid.Empty, 1, new ImageVersion("debian-13", "1"), "");

    public static Ipv4Address Host(string subnet, int number) => new(Ipv4Subnet.Parse(subnet).Network.Value + (uint)number);
}
