using VirtuaLinux.Model;

namespace VirtuaLinux.Install.Tests;

public sealed class ClosingReportTests
{
    private static readonly ManifestNode Node01 = Machine("node01", "52:54:00:77:00:01", "192.168.77.11");

    private static readonly ClosingReport Report = new(
        new Journal { Site = "blade16", SiteId = Guid.Empty, Image = ImageVersion.Parse("debian-13@1"), RootDigest = "d1", Step = InstallStep.Done, Holder = "node01", Times = [new StepTime(InstallStep.WriteOrigin, 12.34)] },
        new Manifest
        {
            SiteId = Guid.Empty,
            Serial = 1,
            Image = ImageVersion.Parse("debian-13@1"),
            RootDigest = "d1",
            Name = "blade16",
            Volumes = new SiteVolumes(),
            Networks = new Dictionary<string, SiteNetwork> { ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("192.168.77.0/24") } },
            Access = [new SiteAccess { User = "admin" }],
            Nodes = [Node01, Machine("node02", "52:54:00:77:00:02", "192.168.77.12"), Machine("node03", "52:54:00:77:00:03", "192.168.77.13")],
        },
        "SHA256:ca", "node01",
        new Dictionary<string, NodeStatus> { ["node02"] = new() { Name = "node02", State = "up", Role = "node", HostKey = "SHA256:key02" } });

    [Fact]
    public void The_last_screen_names_addresses_host_keys_who_is_missing_the_starter_and_the_first_commands() =>
        Assert.Equal(
        [
            "site blade16 is installed: WriteOrigin 12.3 s",
            "  site 00000000-0000-0000-0000-000000000000, image debian-13@1, CA certificate SHA256:ca",
            "  node01     192.168.77.11   52:54:00:77:00:01 this machine; its console shows its SSH host key when it has started",
            "  node02     192.168.77.12   52:54:00:77:00:02 SSH host key SHA256:key02",
            "  node03     192.168.77.13   52:54:00:77:00:03 missing: it joins by itself when it is powered on",
            "  first commands: ssh admin@192.168.77.11, then virtualinux node status",
            "  starter: this medium, or UEFI firmware that boots the LUN over iSCSI; after a blackout either starts the first node (with it, a machine boots as an ordinary node)",
        ], Report.Lines());

    [Fact]
    public void Firmware_is_no_starter_over_nvme() =>
        Assert.Equal("  starter: this medium; after a blackout it starts the first node (with it, a machine boots as an ordinary node)",
            (Report with { Manifest = Report.Manifest with { San = new SiteSan { Transport = SanTransport.NvmeTcp, Portals = [], Target = "nqn.2026-11.org.virtualinux:san" } } }).Lines().Last());

    [Theory]
    [InlineData(false, 0, "never asked for an address")]
    [InlineData(true, 0, "fetched nothing")]
    [InlineData(true, 1 << 20, "fetched 1.0 MiB and stopped")]
    [InlineData(true, 60 << 20, "its console says what it waits for")]
    public void A_missing_peer_gets_a_verdict(bool asked, long received, string verdict) =>
        Assert.Contains(verdict, new MissingPeer(Node01, asked, new ByteSize(received), ByteSize.FromMiB(40)).Verdict(), StringComparison.Ordinal);

    private static ManifestNode Machine(string name, string mac, string ip) => new()
    {
        Name = name,
        Interfaces = new Dictionary<string, SiteInterface> { ["cluster"] = new() { Mac = MacAddress.Parse(mac), Ip = Ipv4Address.Parse(ip) } },
    };
}
