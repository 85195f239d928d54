using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests.Tftp;

public sealed class TftpServerTests : IDisposable
{
    private readonly TemporaryDirectory export = new();

    public void Dispose() => export.Dispose();

    [Theory]
    [InlineData(511, 512)]
    [InlineData(512, 512)]
    [InlineData(100_001, 8)]
    [InlineData(3_000_000, 1468)]
    [InlineData(3_000_000, 65464)]
    public async Task Curl_gets_what_is_in_the_file(int length, int blockSize)
    {
        var bytes = export.Write("file", length);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await Peer.OutputAsync("curl", "-sS", "--tftp-blksize", $"{blockSize}", "-o", export["got"], server.TftpUrl("file"));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Busybox_gets_what_is_in_the_file()
    {
        var bytes = export.Write("file", 700_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await Peer.OutputAsync("busybox", "tftp", "-g", "-r", "file", "-l", export["got"], "-b", "1400", server.Address.ToString(), $"{LoopbackServer.TftpPort}");
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Block_numbers_roll_over_in_a_file_of_more_than_65535_blocks()
    {
        var bytes = export.Write("big", 34 << 20);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await Peer.OutputAsync("atftp", "--get", "-r", "big", "-l", export["got"], server.Address.ToString(), $"{LoopbackServer.TftpPort}");
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
        Assert.Equal(34 << 20, server.Served[VirtuaLinux.Model.Ipv4Address.Parse("127.0.0.1")]);
    }

    [Fact]
    public async Task A_window_of_blocks_is_agreed_with_atftp()
    {
        var bytes = export.Write("file", 5_000_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await Peer.OutputAsync("atftp", "--option", "windowsize 16", "--option", "blksize 1400", "--option", "tsize 0", "--get", "-r", "file", "-l", export["got"], server.Address.ToString(), $"{LoopbackServer.TftpPort}");
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["got"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_classic_client_gets_text_with_its_line_ends_translated()
    {
        await File.WriteAllTextAsync(export["text"], "one\ntwo\n", TestContext.Current.CancellationToken);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await Peer.OutputAsync("tftp", "-m", "netascii", server.Address.ToString(), $"{LoopbackServer.TftpPort}", "-c", "get", "text", export["got"]);
        Assert.Equal("one\ntwo\n", await File.ReadAllTextAsync(export["got"], TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("//sub/file")]
    [InlineData("sub\\file")]
    [InlineData("\\SUB\\File")]
    [InlineData("./sub/./file")]
    public async Task Names_as_firmware_writes_them_are_understood(string name)
    {
        export.Write("sub/file", 10);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        await SendAsync(client, server, $"\0\u0001{name}\0octet\0");
        Assert.Equal(TftpPacket.HeaderLength + 10, (await ReceiveAsync(client)).Buffer.Length);
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("..\\secret")]
    [InlineData("sub/../../secret")]
    [InlineData("link-out")]
    [InlineData("dir-out/secret")]
    [InlineData("/etc/passwd")]
    [InlineData("nothing")]
    [InlineData("sub")]
    public async Task Nothing_outside_the_export_directory_can_be_read(string name)
    {
        using var outside = new TemporaryDirectory();
        outside.Write("secret", 10);
        export.Write("sub/file", 10);
        File.CreateSymbolicLink(export["link-out"], outside["secret"]);
        File.CreateSymbolicLink(export["dir-out"], outside.Root);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        await SendAsync(client, server, $"\0\u0001{name}\0octet\0");
        var answer = (await ReceiveAsync(client)).Buffer;
        Assert.Equal((TftpOpcode.Error, (ushort)TftpErrorCode.FileNotFound), (TftpPacket.OpcodeOf(answer), TftpPacket.NumberOf(answer)));
    }

    [Fact]
    public async Task A_write_request_is_refused()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        await SendAsync(client, server, "\0\u0002new\0octet\0");
        var answer = (await ReceiveAsync(client)).Buffer;
        Assert.Equal((TftpOpcode.Error, (ushort)TftpErrorCode.AccessViolation), (TftpPacket.OpcodeOf(answer), TftpPacket.NumberOf(answer)));
    }

    [Fact]
    public async Task Firmware_that_asks_for_the_size_first_gets_it_and_then_the_file()
    {
        export.Write("loader", 1000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        await SendAsync(client, server, "\0\u0001loader\0octet\0tsize\00\0blksize\01468\0");
        var first = await ReceiveAsync(client);
        Assert.Equal("\0\u0006blksize\01468\0tsize\01000\0", Encoding.Latin1.GetString(first.Buffer));
        await client.SendAsync("\0\u0005\0\u0008User aborted\0"u8.ToArray(), first.RemoteEndPoint, TestContext.Current.CancellationToken);
        await SendAsync(client, server, "\0\u0001loader\0octet\0blksize\01468\0");
        var second = await ReceiveAsync(client);
        await client.SendAsync(new byte[] { 0, 4, 0, 0 }, second.RemoteEndPoint, TestContext.Current.CancellationToken);
        Assert.Equal(TftpPacket.HeaderLength + 1000, (await ReceiveAsync(client)).Buffer.Length);
    }

    [Fact]
    public async Task A_duplicate_acknowledgement_brings_no_duplicate_block()
    {
        export.Write("file", 2000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        await SendAsync(client, server, "\0\u0001file\0octet\0timeout\0255\0");
        var options = await ReceiveAsync(client);
        foreach (var block in (byte[])[0, 0, 0, 1, 1, 1, 0, 2, 2, 3])
            await client.SendAsync(new byte[] { 0, 4, 0, block }, options.RemoteEndPoint, TestContext.Current.CancellationToken);
        List<ushort> blocks = [];
        while (blocks.Count == 0 || blocks[^1] < 4) blocks.Add(TftpPacket.NumberOf((await ReceiveAsync(client)).Buffer));
        Assert.Equal([1, 2, 3, 4], blocks);
    }

    [Fact]
    public async Task Datagrams_that_are_no_requests_are_ignored_and_the_service_lives()
    {
        export.Write("file", 10);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = Client();
        foreach (var junk in (string[])["", "\0", "\u0001", "\0\u0001", "\0\u0003\0\u0001data", "\0\u0004\0\0", "\0\u0005\0\0x\0", "\u0001\u0002\u0003"]) await SendAsync(client, server, junk);
        await SendAsync(client, server, "\0\u0001file\0octet\0");
        UdpReceiveResult answer;
        do answer = await ReceiveAsync(client);
        while (TftpPacket.OpcodeOf(answer.Buffer) == TftpOpcode.Error);
        Assert.Equal(TftpPacket.HeaderLength + 10, answer.Buffer.Length);
    }

    [Fact]
    public async Task A_document_is_rendered_for_the_client_that_asks_but_never_a_secret_one()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root, documents:
        [
            new BootDocument { Path = "/who", Render = c => Encoding.ASCII.GetBytes(c.Address.ToString()) },
            new BootDocument { Path = "/secret/chap", Render = _ => "secret"u8.ToArray(), SecureOnly = true },
        ]);
        Assert.Equal("127.0.0.1", await Peer.OutputAsync("curl", "-sS", server.TftpUrl("who")));
        Assert.NotEqual(0, (await Peer.RunAsync("curl", "-sS", server.TftpUrl("secret/chap"))).ExitCode);
    }

    [Fact]
    public async Task A_hundred_clients_are_served_at_once()
    {
        var bytes = export.Write("file", 300_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            using var client = Client();
            using var got = new MemoryStream();
            await SendAsync(client, server, "\0\u0001file\0octet\0blksize\01468\0");
            var answer = await ReceiveAsync(client);
            for (ushort block = 0; ; block++)
            {
                await client.SendAsync(new byte[] { 0, 4, (byte)(block >> 8), (byte)block }, answer.RemoteEndPoint, TestContext.Current.CancellationToken);
                if (block > 0 && answer.Buffer.Length < TftpPacket.HeaderLength + 1468) return got.ToArray();
                do answer = await ReceiveAsync(client);
                while (TftpPacket.NumberOf(answer.Buffer) != block + 1);
                got.Write(answer.Buffer.AsSpan(TftpPacket.HeaderLength));
            }
        }));
        Assert.All(results, r => Assert.Equal(bytes, r));
    }

    private static UdpClient Client() => new(new IPEndPoint(IPAddress.Loopback, 0));

    private static async Task SendAsync(UdpClient client, LoopbackServer server, string packet) =>
        await client.SendAsync(Encoding.Latin1.GetBytes(packet), server.Tftp, TestContext.Current.CancellationToken);

    private static async Task<UdpReceiveResult> ReceiveAsync(UdpClient client)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        return await client.ReceiveAsync(deadline.Token);
    }
}
