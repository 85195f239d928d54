using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.NetBoot.Http;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>What any bytes are given to: one outcome is allowed, a result. <c>./build.sh --target=Fuzz</c> looks for others, and what it found stays in <c>Corpus/</c>.</summary>
internal static class FuzzTargets
{
    // More than any codec needs for a datagram of 64 KiB.
    private const long MaximumAllocation = 1 << 20;

    private static readonly DhcpResponder s_responder = Responder(isProxy: false);
    private static readonly DhcpResponder s_proxy = Responder(isProxy: true);
    private static readonly byte[] s_reply = new byte[DhcpMessage.MaximumLength];

    /// <summary>The codecs by name of their corpus.</summary>
    public static IReadOnlyDictionary<string, Action<byte[]>> All { get; } = new Dictionary<string, Action<byte[]>>
    {
        ["dhcp"] = Bounded(Dhcp),
        ["tftp"] = Bounded(Tftp),
        ["window"] = Bounded(Window),
        ["path"] = Bounded(Path),
        ["range"] = Bounded(Range),
    };

    private static Action<byte[]> Bounded(Action<byte[]> codec) => input =>
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        codec(input);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Require(allocated <= MaximumAllocation, $"{allocated} bytes were allocated");
    };

    private static void Dhcp(byte[] input)
    {
        if (DhcpMessage.TryParse(input, out var message, out _))
        {
            var value = new byte[DhcpMessage.MaximumLength];
            for (var code = 0; code < 256; code++) Require(message.CopyOption((DhcpOption)code, value) <= value.Length, "an option is longer than its room");
            _ = message.File.Length + message.ServerName.Length;
        }
        foreach (var (responder, port) in new[] { (s_responder, DhcpServer.ServerPort), (s_proxy, DhcpServer.ServerPort), (s_proxy, DhcpResponder.ProxyPort) })
        {
            var answer = responder.Answer(input, s_reply, 0, port);
            _ = answer.Event.ToString();
            if (answer.Length > 0) Require(DhcpMessage.TryParse(s_reply.AsSpan(0, answer.Length), out _, out var fault), $"the answer is malformed: {fault}");
        }
    }

    private static void Tftp(byte[] input)
    {
        _ = TftpPacket.OpcodeOf(input);
        if (!TftpRequest.TryParse(input, out var request, out _)) return;
        using var transfer = new TftpTransfer(request!, new BootFile(new byte[2000]), new System.Net.SocketAddress(System.Net.Sockets.AddressFamily.InterNetwork), 0);
        var packet = new byte[TftpPacket.HeaderLength + Math.Max(128, transfer.BlockSize)];
        for (var block = transfer.First; block <= transfer.Last; block++) Require(transfer.Write(block, packet) is > 0 and <= 1472, "the first packet has no length");
        _ = BootPath.TryNormalize(request!.FileName, out _);
    }

    /// <summary>Window size, then whether there are options, then the low byte of the file's length, then acknowledgements.</summary>
    private static void Window(byte[] input)
    {
        if (input.Length < 3) return;
        var window = new TftpWindow(input[2] * 1000L, 512, 1 + input[0] % 64, (input[1] & 1) != 0);
        for (var rest = input.AsSpan(3); rest.Length >= 2; rest = rest[2..])
        {
            var (before, sent) = (window.Acknowledged, window.SentTo);
            window.Acknowledge(BinaryPrimitives.ReadUInt16BigEndian(rest));
            Require(window.Acknowledged >= before && window.SentTo >= sent && window.SentTo <= window.LastBlock && window.Acknowledged <= window.SentTo, "the window went back or past the end");
        }
    }

    private static void Path(byte[] input)
    {
        if (!BootPath.TryNormalize(Encoding.Latin1.GetString(input), out var path)) return;
        Require(path.Length > 0 && path[0] != '/' && !path.Split('/').Any(p => p is "" or "." or ".."), $"'{path}' is not normal");
    }

    private static void Range(byte[] input)
    {
        var lines = Encoding.Latin1.GetString(input).Split('\n', 2);
        if (lines.Length < 2 || !long.TryParse(lines[0], NumberStyles.None, CultureInfo.InvariantCulture, out var length)) return;
        if (ByteRange.TryParse(lines[1], length, out var range) == true) Require(range.Offset >= 0 && range.Length > 0 && range.Offset + range.Length <= length, $"{range} is outside {length}");
    }

    private static DhcpResponder Responder(bool isProxy)
    {
        var address = Ipv4Address.Parse("192.168.77.1");
        IReadOnlyList<Ipv4Address> servers = [address];
        return new DhcpResponder(new DhcpResponderOptions
        {
            Address = address,
            Manifest = new ManifestSource(TestSite.Manifest()),
            Servers = _ => servers,
            Loaders = new BootLoaders(_ => true),
            Discovery = isProxy ? null : new DiscoveryPool(TestSite.Manifest().ClusterNetwork.Discovery!.Value),
            IsProxy = isProxy,
        });
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidOperationException(otherwise);
    }
}
