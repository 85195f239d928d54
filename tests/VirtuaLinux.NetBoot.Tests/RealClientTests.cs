using System.Text.RegularExpressions;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>Real DHCP clients and real firmware against the boot server, on a network of their own.</summary>
public sealed partial class RealClientTests : IDisposable
{
    private static readonly MacAddress Stranger = MacAddress.Parse("52:54:00:99:00:01");
    private readonly TemporaryDirectory export = new();

    public void Dispose() => export.Dispose();

    [Fact]
    public async Task Busybox_gets_the_node_s_address_router_name_and_domain()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(TestSite.Node(2));
        var got = await UdhcpcAsync(client, "-x", "0x3d:01525400770002");
        Assert.Equal("192.168.77.12", got["ip"]);
        Assert.Equal("255.255.255.0", got["subnet"]);
        Assert.Equal("192.168.77.254", got["router"]);
        Assert.Equal("192.168.77.1", got["dns"]);
        Assert.Equal("node02", got["hostname"]);
        Assert.Equal("blade16.internal", got["domain"]);
        Assert.Equal("192.168.77.1", got["serverid"]);
        Assert.Equal("192.168.77.1", got["siaddr"]);
        Assert.Equal("4294967295", got["lease"]);
    }

    [Fact]
    public async Task Busybox_in_the_dress_of_a_BIOS_is_told_its_loader()
    {
        export.Write("undionly.kpxe", 10);
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(TestSite.Node(2));
        var got = await UdhcpcAsync(client, "-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000", "-O", "bootfile", "-O", "tftp");
        Assert.Equal("undionly.kpxe", got["boot_file"]);
        Assert.Equal("undionly.kpxe", got["bootfile"]);
        Assert.Equal("192.168.77.1", got["tftp"]);
    }

    [Fact]
    public async Task The_ISC_client_gets_a_lease_keeps_it_after_a_restart_and_gives_it_back()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(TestSite.Node(3));
        string[] dhclient = ["netns", "exec", client, "dhclient", "-1", "-v", "-sf", "/bin/true", "-lf", export["leases"], "-pf", export["pid"]];
        async Task<string> RunAsync(params string[] more) => (await Peer.RunAsync("ip", [.. dhclient, .. more, "eth0"])).Error;
        Assert.Contains("bound to 192.168.77.13", await RunAsync(), StringComparison.Ordinal);
        await RunAsync("-x");
        var again = await RunAsync();
        Assert.Contains("bound to 192.168.77.13", again, StringComparison.Ordinal);
        Assert.DoesNotContain("DHCPDISCOVER", again, StringComparison.Ordinal);
        await Peer.OutputAsync("ip", "-n", client, "address", "add", "192.168.77.13/24", "dev", "eth0");
        await RunAsync("-r");
        await network.WaitForLogAsync("dhcp release mac=52:54:00:77:00:03");
    }

    [Fact]
    public async Task A_stranger_gets_nothing_from_a_node()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(Stranger);
        var result = await Peer.RunAsync("ip", "netns", "exec", client, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Single(network.Log, l => l.StartsWith("dhcp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stranger_is_lent_an_address_by_the_metamaster()
    {
        await using var network = await BootNetwork.StartAsync(export.Root, "hold");
        var client = await network.AddClientAsync(Stranger);
        Assert.Equal("192.168.77.200", (await UdhcpcAsync(client))["ip"]);
    }

    [Fact]
    public async Task Of_several_servers_exactly_one_serves_a_client()
    {
        await using var network = await BootNetwork.StartAsync(export.Root, "peers");
        await network.StartNodeAsync(1, export.Root);
        await network.StartNodeAsync(2, export.Root);
        var client = await network.AddClientAsync(TestSite.Node(3));
        var got = await UdhcpcAsync(client);
        Assert.Equal("192.168.77.13", got["ip"]);
        Assert.Single(network.Log, l => l.Contains("dhcp ack", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_foreign_server_is_found_before_serving()
    {
        await using var network = await BootNetwork.StartAsync(export.Root, "hold");
        var client = await network.AddClientAsync(Stranger);
        Assert.Equal("192.168.77.1\n", await Peer.OutputAsync("ip", "netns", "exec", client, Environment.ProcessPath!, "find-dhcp", "eth0", "52:54:00:99:00:01"));
        var alone = await network.AddClientAsync(TestSite.Node(9));
        await Peer.OutputAsync("ip", "-n", alone, "link", "add", "other", "type", "bridge");
        await Peer.OutputAsync("ip", "-n", alone, "link", "set", "other", "up");
        Assert.Equal("\n", await Peer.OutputAsync("ip", "netns", "exec", alone, Environment.ProcessPath!, "find-dhcp", "other", "52:54:00:99:00:02"));
    }

    [Fact]
    public async Task Perfdhcp_completes_a_hundred_exchanges_for_one_node()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(MacAddress.Parse("52:54:00:55:00:01"));
        await Peer.OutputAsync("ip", "-n", client, "address", "add", "192.168.77.253/24", "dev", "eth0");
        var output = (await Peer.RunAsync("ip", "netns", "exec", client, "perfdhcp", "-4", "-l", "eth0", "-r", "50", "-n", "100", "-R", "1", "-b", "mac=52:54:00:77:00:01", "-W", "1000000")).Output;
        Assert.Equal(["100", "100"], Received().Matches(output).Select(m => m.Groups[1].Value));
    }

    [Fact]
    public async Task A_second_server_on_the_interface_is_refused_with_its_reason()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => network.InAsync(Environment.ProcessPath!, "boot-server", export.Root));
        Assert.Contains("in use", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_BIOS_of_an_emulated_machine_comes_to_its_kernel()
    {
        export.Write("undionly.kpxe", 10);
        export.Write("vmlinuz", 100_000);
        await using var network = await BootNetwork.StartAsync(export.Root);
        await network.StartMachineAsync(TestSite.Node(2), "tap0", "-device", "virtio-net-pci,netdev=n,mac=MAC,bootindex=1");
        await network.WaitForLogAsync("http GET path=\"/node/52-54-00-77-00-02/boot.ipxe\" client=192.168.77.12 status=200");
        await network.WaitForLogAsync("http GET path=\"/boot/vmlinuz\" client=192.168.77.12 status=200 bytes=100000");
    }

    [Fact]
    public async Task The_UEFI_of_an_emulated_machine_comes_to_its_loader()
    {
        export.Write("shimx64.efi", 1_000_000);
        File.Copy("/usr/share/OVMF/OVMF_VARS_4M.fd", export["vars.fd"]);
        await using var network = await BootNetwork.StartAsync(export.Root);
        await network.StartMachineAsync(TestSite.Node(3), "tap0", "-device", "virtio-net-pci,netdev=n,mac=MAC,romfile=,bootindex=1",
            "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd", "-drive", $"if=pflash,format=raw,file={export["vars.fd"]}");
        await network.WaitForLogAsync("tftp sent file=\"shimx64.efi\" client=192.168.77.13 bytes=1000000");
        // EDK2 asks for the size first and ends that transfer with an error: normal, and no error in the log.
        Assert.Contains("tftp size file=\"shimx64.efi\" client=192.168.77.13 bytes=1000000", network.Log);
        Assert.DoesNotContain(network.Log, l => l.StartsWith("tftp ended", StringComparison.Ordinal));
        await network.WaitForLogAsync("boot node=node03 ip=192.168.77.13 stage=loader");
    }

    private async Task<Dictionary<string, string>> UdhcpcAsync(string client, params string[] more)
    {
        await File.WriteAllTextAsync(export["script"], $"#!/bin/sh\n[ \"$1\" = bound ] && env > {export["env"]}\nexit 0\n", TestContext.Current.CancellationToken);
        await Peer.OutputAsync("chmod", "+x", export["script"]);
        await Peer.OutputAsync("ip", ["netns", "exec", client, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-s", export["script"], "-O", "hostname", "-O", "domain", .. more]);
        return (await File.ReadAllLinesAsync(export["env"], TestContext.Current.CancellationToken))
            .Select(l => l.Split('=', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
    }

    [GeneratedRegex(@"received packets: (\d+)")]
    private static partial Regex Received();
}
