using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests.Tftp;

/// <summary>What a boot network sends that no client should.</summary>
public sealed class TftpHostilityTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly TemporaryDirectory export = new();

    public void Dispose() => export.Dispose();

    [Theory]
    [InlineData("octet\0blksize\00\0", 512)]
    [InlineData("octet\0blksize\01\0", 512)]
    [InlineData("octet\0blksize\07\0", 512)]
    [InlineData("octet\0blksize\065465\0", 512)]
    [InlineData("octet\0blksize\0-8\0", 512)]
    [InlineData("octet\0blksize\08\0blksize\01024\0", 8)]
    [InlineData("octet\0xblksize\01024\0", 512)]
    [InlineData("octet\0blksizes\01024\0", 512)]
    [InlineData("OCTET\0BlkSize\01024\0", 1024)]
    [InlineData("octet\0windowsize\00\0", 512)]
    [InlineData("octet\0tsize\0-1\0blksize\0600\0", 600)]
    [InlineData("octet\0tsize\099999999999999999999\0blksize\0600\0", 600)]
    public void Options_that_make_no_sense_are_left_out(string rest, int blockSize)
    {
        Assert.True(TftpRequest.TryParse(Encoding.Latin1.GetBytes($"\0\u0001f\0{rest}"), out var request, out _));
        using var transfer = new TftpTransfer(request!, new BootFile(new byte[5000]), new SocketAddress(AddressFamily.InterNetwork), 0);
        Assert.Equal(blockSize, transfer.BlockSize);
    }

    [Fact]
    public void A_window_of_65535_blocks_is_bounded()
    {
        Assert.True(TftpRequest.TryParse("\0\u0001f\0octet\0windowsize\065535\0"u8, out var request, out _));
        using var transfer = new TftpTransfer(request!, new BootFile(new byte[1 << 20]), new SocketAddress(AddressFamily.InterNetwork), 0);
        Assert.True(transfer.Acknowledge(0, 0));
        Assert.Equal(TftpTransfer.LargestWindow, transfer.Last - transfer.First + 1);
    }

    [Theory]
    [InlineData("octe")]
    [InlineData("octets")]
    [InlineData("xoctet")]
    [InlineData("mail")]
    [InlineData("")]
    public void A_mode_is_compared_as_a_whole(string mode) => Assert.False(TftpRequest.TryParse(Encoding.Latin1.GetBytes($"\0\u0001f\0{mode}\0"), out _, out _));

    [Fact]
    public void An_address_that_proved_nothing_gets_one_packet_for_each_request_and_no_repetition()
    {
        Assert.True(TftpRequest.TryParse("\0\u0001loader\0octet\0windowsize\064\0blksize\01468\0tsize\00\0"u8, out var request, out _));
        using var transfer = new TftpTransfer(request!, new BootFile(new byte[100_000]), new SocketAddress(AddressFamily.InterNetwork), 0);
        Assert.Equal((0, 0), (transfer.First, transfer.Last));
        Assert.False(transfer.Overdue(transfer.Deadline));
    }

    [Fact]
    public void An_answer_with_options_is_never_longer_than_its_request()
    {
        foreach (var text in (string[])["\0\u0001ab\0octet\0tsize\00\0", "\0\u0001ab\0octet\0blksize\01468\0tsize\00\0timeout\01\0windowsize\064\0"])
        {
            Assert.True(TftpRequest.TryParse(Encoding.Latin1.GetBytes(text), out var request, out _));
            var packet = new byte[128];
            Assert.InRange(TftpPacket.WriteOptions(packet, request!.BlockSize, 9_999_999_999, request.TimeoutSeconds, request.WindowSize), 2, text.Length);
        }
    }

    [Fact]
    public void Repetitions_come_at_growing_intervals_and_end()
    {
        Assert.True(TftpRequest.TryParse("\0\u0001f\0octet\0blksize\01468\0"u8, out var request, out _));
        using var transfer = new TftpTransfer(request!, new BootFile(new byte[100_000]), new SocketAddress(AddressFamily.InterNetwork), 0);
        Assert.True(transfer.Acknowledge(0, 0));
        List<long> times = [];
        for (var at = transfer.Deadline; transfer.Overdue(at); at = transfer.Deadline) times.Add(at);
        Assert.Equal([1000, 3000, 7000, 11000, 15000, 19000], times);
    }

    [Fact]
    public async Task A_thousand_forged_addresses_starve_nobody_and_are_forgotten()
    {
        var bytes = export.Write("file", 100_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        for (var i = 0; i < 3000; i++)
        {
            using var forger = new UdpClient(new IPEndPoint(new IPAddress([127, 0, (byte)(1 + i / 250), (byte)(1 + i % 250)]), 0));
            await forger.SendAsync("\0\u0001file\0octet\0windowsize\064\0"u8.ToArray(), server.Tftp, TestContext.Current.CancellationToken);
        }
        await Peer.OutputAsync("curl", "-sS", "-o", export["got"], server.TftpUrl("file"));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
        Assert.InRange(server.TftpInFlight, 1, 1025);
    }

    [Fact]
    public async Task Who_is_outside_the_site_hears_nothing()
    {
        export.Write("file", 100);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var outsider = new UdpClient(new IPEndPoint(IPAddress.Parse("127.1.0.1"), 0));
        await outsider.SendAsync("\0\u0001file\0octet\0"u8.ToArray(), server.Tftp, TestContext.Current.CancellationToken);
        // What comes behind it was answered: so it had its turn.
        await Peer.OutputAsync("curl", "-sS", "-o", export["got"], server.TftpUrl("file"));
        Assert.Equal(0, outsider.Available);
        Assert.Equal(1, server.Metrics.TftpForeign.Value);
    }

    [Theory]
    [InlineData("fifo")]
    [InlineData("device")]
    [InlineData("folder")]
    [InlineData("to-device")]
    public async Task What_is_no_plain_file_is_not_there_and_never_blocks(string name)
    {
        export.Write("file", 100);
        await Peer.OutputAsync("mkfifo", export["fifo"]);
        await Peer.OutputAsync("mknod", export["device"], "c", "1", "5");
        Directory.CreateDirectory(export["folder"]);
        File.CreateSymbolicLink(export["to-device"], "device");
        await using var server = await LoopbackServer.StartAsync(export.Root);
        Assert.Equal(68, (await Peer.RunAsync("curl", "-sS", server.TftpUrl(name))).ExitCode); // curl(1): file not found
        Assert.Equal("404", await Peer.OutputAsync("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", server.Url($"/boot/{name}")));
        await Peer.OutputAsync("curl", "-sS", "-o", export["got"], server.TftpUrl("file"));
    }

    [Theory]
    [InlineData("..%2Fsecret")]
    [InlineData("%2e%2e/secret")]
    [InlineData("..%5csecret")]
    [InlineData("file%00.txt")]
    [InlineData("sibling")]
    [InlineData("..;/secret")]
    public async Task No_spelling_leads_out_of_the_export_directory(string name)
    {
        var inside = Directory.CreateDirectory(export["root"]).FullName;
        export.Write("root/file", 10);
        export.Write("secret", 10);
        export.Write("root-secret/file", 10);
        File.CreateSymbolicLink(export["root/sibling"], "../root-secret/file");
        await using var server = await LoopbackServer.StartAsync(inside);
        Assert.Contains(await Peer.OutputAsync("curl", "-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", server.Url($"/boot/{name}")), (string[])["404", "400"]);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync(Encoding.Latin1.GetBytes($"\0\u0001{Uri.UnescapeDataString(name)}\0octet\0"), server.Tftp, TestContext.Current.CancellationToken);
        var answer = await ReceiveAsync(client);
        // A NUL ends the name: what is left of it is a file, or the mode is wrong.
        if (!name.Contains("%00", StringComparison.Ordinal)) Assert.Equal(TftpErrorCode.FileNotFound, (TftpErrorCode)TftpPacket.NumberOf(answer));
        Assert.Equal(TftpOpcode.Error, TftpPacket.OpcodeOf(answer));
    }

    [Fact]
    public async Task A_file_that_shrinks_ends_with_an_error_and_one_that_grows_keeps_its_length()
    {
        export.Write("shrinks", 10_000);
        export.Write("grows", 1000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync("\0\u0001shrinks\0octet\0"u8.ToArray(), server.Tftp, TestContext.Current.CancellationToken);
        Assert.Equal(TftpPacket.HeaderLength + 512, (await ReceiveAsync(client)).Length);
        using (var file = new FileStream(export["shrinks"], FileMode.Open)) file.SetLength(600);
        await client.SendAsync(new byte[] { 0, 4, 0, 1 }, server.Tftp, TestContext.Current.CancellationToken);
        Assert.Equal(TftpOpcode.Error, TftpPacket.OpcodeOf(await ReceiveAsync(client)));

        using var second = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await second.SendAsync("\0\u0001grows\0octet\0"u8.ToArray(), server.Tftp, TestContext.Current.CancellationToken);
        await ReceiveAsync(second);
        await File.AppendAllTextAsync(export["grows"], new string('x', 5000), TestContext.Current.CancellationToken);
        await second.SendAsync(new byte[] { 0, 4, 0, 1 }, server.Tftp, TestContext.Current.CancellationToken);
        Assert.Equal(TftpPacket.HeaderLength + 488, (await ReceiveAsync(second)).Length);
    }

    [Fact]
    public async Task Four_hundred_clients_at_one_percent_loss_all_get_every_byte()
    {
        var bytes = export.Write("file", 200_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        var results = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => LossyClient.GetAsync(server.Tftp, "file", windowSize: 1 + i % 2 * 15, new Random(i), TestContext.Current.CancellationToken)));
        Assert.All(results, r => Assert.Equal(bytes, r));
        Assert.True(server.Metrics.TftpRepeated.Value > 0);
    }

    [Fact]
    public async Task A_manifest_that_changes_drops_no_transfer()
    {
        var bytes = export.Write("file", 3_000_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        var load = LossyClient.GetAsync(server.Tftp, "file", 1, new Random(1), TestContext.Current.CancellationToken);
        for (var nodes = 1; !load.IsCompleted; nodes = nodes % 3 + 1)
        {
            server.Change(TestSite.Manifest(LoopbackServer.Subnet, nodes));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        Assert.Equal(bytes, await load);
    }

    [Fact]
    public async Task A_transfer_from_a_port_of_its_own_works_as_well()
    {
        var bytes = export.Write("file", 500_000);
        await using var server = await LoopbackServer.StartAsync(export.Root, portForEach: true);
        await Peer.OutputAsync("curl", "-sS", "-o", export["got"], server.TftpUrl("file"));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync("\0\u0001file\0octet\0"u8.ToArray(), server.Tftp, TestContext.Current.CancellationToken);
        using var deadline = new CancellationTokenSource(Patience);
        Assert.NotEqual(server.Tftp, (await client.ReceiveAsync(deadline.Token)).RemoteEndPoint);
    }

    private static async Task<byte[]> ReceiveAsync(UdpClient client)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience);
        return (await client.ReceiveAsync(deadline.Token)).Buffer;
    }
}
