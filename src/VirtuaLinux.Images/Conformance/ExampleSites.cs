using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Conformance;

/// <summary>The sites that a distribution's templates are rendered for: one with as little as a site may have, one with everything.</summary>
internal static class ExampleSites
{
    /// <summary>One node, and nothing that may be left out.</summary>
    public static Manifest Small { get; } = Compile(new Site
    {
        Name = "small",
        Networks = new Dictionary<string, SiteNetwork> { ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("192.0.2.0/25") } },
        Nodes = [new SiteNode { Name = "node01", Mac = MacAddress.Parse("02:00:00:00:00:01"), Ip = Ipv4Address.Parse("192.0.2.11") }],
    });

    /// <summary>Three nodes on two networks, with gateway, domain, accounts, slots, a shared volume and kernel arguments.</summary>
    public static Manifest Large { get; } = Compile(new Site
    {
        Name = "large",
        Networks = new Dictionary<string, SiteNetwork>
        {
            ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("192.0.2.0/25"), Gateway = Ipv4Address.Parse("192.0.2.126"), Domain = "large.internal" },
            ["storage"] = new() { Subnet = Ipv4Subnet.Parse("192.0.2.128/25") },
        },
        San = new SiteSan { Portals = [SanPortal.Parse("192.0.2.129:3260")], Target = "iqn.2026-11.org.virtualinux:example" },
        Access = [new SiteAccess { User = "root", SshKeys = ["ssh-ed25519 AAAA first"] }, new SiteAccess { User = "admin", SshKeys = ["ssh-ed25519 AAAA second", "ssh-ed25519 AAAA third"] }],
        Volumes = new SiteVolumes { Shared = ByteSize.FromGiB(4) },
        KernelArguments = "console=ttyS0",
        Nodes = [.. Enumerable.Range(1, 3).Select(n => new SiteNode
        {
            Name = $"node{n:00}",
            Interfaces = new Dictionary<string, SiteInterface>
            {
                ["cluster"] = new() { Mac = MacAddress.Parse($"02:00:00:00:00:0{n}"), Ip = Ipv4Address.Parse($"192.0.2.1{n}") },
                ["storage"] = new() { Mac = MacAddress.Parse($"02:00:00:00:01:0{n}"), Ip = Ipv4Address.Parse($"192.0.2.14{n}") },
            },
            Slot = n,
        })],
    });

    private static Manifest Compile(Site site) => Manifest.Compile(site, Guid.Empty, 1, new ImageVersion("example", "1"), new string('0', 64));
}
