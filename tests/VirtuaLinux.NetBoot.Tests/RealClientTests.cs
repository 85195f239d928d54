using System.Text.RegularExpressions;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>Real DHCP clients and real firmware against the boot server, on a network of their own.</summary>
[Trait("Category", "Peers")]
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
    public async Task Dhcpcd_gets_a_lease()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(TestSite.Node(2));
        var result = await Peer.RunAsync("ip", "netns", "exec", client, "dhcpcd", "-4", "--oneshot", "--nobackground", "--debug", "--noarp", "--config", "/dev/null", "--script", "/bin/true", "eth0");
        Assert.Contains("leased 192.168.77.12 for infinity", result.Output + result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Systemd_networkd_configures_its_interface()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var client = await network.AddClientAsync(TestSite.Node(3));
        // With a read-only /sys it does not wait for udev, as in a container.
        network.StartBeside(client, "sh", "-c", "mount -t tmpfs none /run/systemd && mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp && printf '[Match]\\nName=eth0\\n[Network]\\nDHCP=ipv4\\n' > /run/systemd/network/10-eth0.network && mount -o remount,ro /sys && exec /lib/systemd/systemd-networkd");
        await network.WaitForLogAsync("dhcp ack mac=52:54:00:77:00:03");
        await ConditionAsync(async () => (await Peer.OutputAsync("ip", "-n", client, "-4", "addr", "show", "eth0")).Contains("192.168.77.13/24", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_behind_a_relay_gets_the_address_of_its_own_network()
    {
        await using var network = await BootNetwork.StartAsync(export.Root);
        var relay = await network.AddClientAsync(TestSite.Node(8));
        await Peer.OutputAsync("ip", "-n", relay, "address", "add", "192.168.77.240/24", "dev", "eth0");
        var client = await network.AddBehindAsync(relay, TestSite.BehindRelay);
        await Peer.OutputAsync("ip", "-n", relay, "address", "add", "10.9.0.1/24", "dev", "eth1");
        await network.InAsync("ip", "route", "add", "10.9.0.0/24", "via", "192.168.77.240");
        network.StartBeside(relay, "dhcrelay", "-4", "-d", "-a", "-i", "eth0", "-i", "eth1", "192.168.77.1");
        var got = await UdhcpcAsync(client, "-t", "20", "-T", "1");
        Assert.Equal(("10.9.0.13", "255.255.255.0", "10.9.0.1"), (got["ip"], got["subnet"], got["router"]));
    }

    [Fact]
    public async Task Fifty_clients_boot_while_two_of_three_servers_are_killed_in_turn()
    {
        const int clients = 50;
        var kernel = export.Write("vmlinuz", 3_000_000);
        await using var network = await BootNetwork.StartAsync(export.Root, "peers", $"nodes={clients + 10}");
        await network.StartNodeAsync(1, export.Root, $"nodes={clients + 10}");
        await network.StartNodeAsync(2, export.Root, $"nodes={clients + 10}");
        var names = new List<string>();
        for (var i = 0; i < clients; i++) names.Add(await network.AddClientAsync(TestSite.Node(5 + i)));
        await File.WriteAllTextAsync(export["lease"], "#!/bin/sh\nif [ \"$1\" = bound ]; then ip addr replace $ip/24 dev eth0; echo $siaddr > $OUT; fi\nexit 0\n", TestContext.Current.CancellationToken);
        await Peer.OutputAsync("chmod", "+x", export["lease"]);
        // What firmware does: an address, a script and a kernel from who gave it, and all again from the start when something fails.
        const string boot = """
            cd "$1"; export OUT=$1/server.$2
            until busybox udhcpc -q -n -i eth0 -t 3 -T 1 -s $1/lease >/dev/null 2>&1 \
                && curl -sSf -m 20 -o /dev/null http://$(cat $OUT)/node/$3/boot.ipxe \
                && curl -sSf -m 20 --limit-rate 2M -o $1/kernel.$2 http://$(cat $OUT)/boot/vmlinuz; do :; done
            """;
        var done = 0;
        var all = names.Select(async (name, i) =>
        {
            await Peer.OutputAsync("ip", "netns", "exec", name, "timeout", "300", "sh", "-c", boot, "boot", export.Root, $"{i}", TestSite.Node(5 + i).ToString().Replace(':', '-'));
            Interlocked.Increment(ref done);
        }).ToList();
        await ConditionAsync(() => Task.FromResult(Volatile.Read(ref done) >= 5));
        await network.KillNodeAsync(2);
        await ConditionAsync(() => Task.FromResult(Volatile.Read(ref done) >= 25));
        await network.KillNodeAsync(1);
        await Task.WhenAll(all);
        Assert.All(Enumerable.Range(0, clients), i => Assert.Equal(kernel, File.ReadAllBytes(export[$"kernel.{i}"])));
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

    [Fact]
    public async Task The_UEFI_of_an_emulated_machine_loads_over_HTTP()
    {
        export.Write("shimx64.efi", 1_000_000);
        File.Copy("/usr/share/OVMF/OVMF_VARS_4M.fd", export["vars.fd"]);
        await using var network = await BootNetwork.StartAsync(export.Root);
        await network.StartMachineAsync(TestSite.Node(3), "tap0", "-device", "virtio-net-pci,netdev=n,mac=MAC,romfile=,bootindex=1", "-device", "virtio-rng-pci",
            "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n", "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
            "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd", "-drive", $"if=pflash,format=raw,file={export["vars.fd"]}");
        await network.WaitForLogAsync("http GET path=\"/boot/shimx64.efi\" client=192.168.77.13 status=200 bytes=1000000");
        await network.WaitForLogAsync("boot node=node03 ip=192.168.77.13 stage=loader");
    }

    [Fact]
    public async Task Beside_a_server_that_gives_addresses_firmware_gets_its_boot_file()
    {
        export.Write("undionly.kpxe", 10);
        export.Write("vmlinuz", 100_000);
        await using var network = await BootNetwork.StartAsync(export.Root, "proxy");
        var foreign = await network.AddClientAsync(TestSite.Node(9));
        await Peer.OutputAsync("ip", "-n", foreign, "address", "add", "192.168.77.99/24", "dev", "eth0");
        network.StartBeside(foreign, "dnsmasq", "--keep-in-foreground", "--port=0", "--interface=eth0", "--bind-interfaces", $"--pid-file={export["pid"]}", $"--dhcp-leasefile={export["leases"]}", "--user=root",
            "--dhcp-range=192.168.77.0,static", $"--dhcp-host={TestSite.Node(2)},192.168.77.12");
        await network.StartMachineAsync(TestSite.Node(2), "tap0", "-device", "virtio-net-pci,netdev=n,mac=MAC,bootindex=1");
        await network.WaitForLogAsync("http GET path=\"/node/52-54-00-77-00-02/boot.ipxe\" client=192.168.77.12 status=200");
        await network.WaitForLogAsync("http GET path=\"/boot/vmlinuz\" client=192.168.77.12 status=200 bytes=100000");
        Assert.DoesNotContain(network.Log, l => l.StartsWith("dhcp ack", StringComparison.Ordinal));
    }

    private static async Task ConditionAsync(Func<Task<bool>> isTrue)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromMinutes(5));
        while (!await isTrue()) await Task.Delay(100, deadline.Token);
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
