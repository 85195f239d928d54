using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Bench;

/// <summary>A TFTP client that only counts: the same one for every server (RFC 1350, 2348, 7440).</summary>
public static class TftpLoad
{
    private const int HeaderLength = 4;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    /// <summary>Loads a file several times at once.</summary>
    /// <returns>Bytes of content and seconds.</returns>
    /// <exception cref="FailureException">The server refuses, or falls silent.</exception>
    public static (long Bytes, double Seconds) Run(IPAddress server, string file, int blockSize, int windowSize, int parallel)
    {
        var clock = Stopwatch.StartNew();
        if (parallel == 1) return (Load(server, file, blockSize, windowSize), clock.Elapsed.TotalSeconds);
        var bytes = LoadManyAsync(server, file, blockSize, windowSize, parallel).GetAwaiter().GetResult();
        return (bytes, clock.Elapsed.TotalSeconds);
    }

    /// <summary>One stream, as fast as this machine can: it waits awake.</summary>
    private static long Load(IPAddress server, string file, int blockSize, int windowSize)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        var state = new Stream(file, blockSize, windowSize);
        var packet = new byte[ushort.MaxValue];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        socket.SendTo(state.Request, new IPEndPoint(server, 69));
        for (var silences = 0; !state.IsDone;)
        {
            if (!Poll(socket))
            {
                if (++silences > 10) throw new FailureException($"{server} fell silent at block {state.Received}");
                if (state.Received >= 0) socket.SendTo(state.Acknowledgement(), SocketFlags.None, from);
                else socket.SendTo(state.Request, new IPEndPoint(server, 69));
                continue;
            }
            if (!state.Take(packet.AsSpan(0, socket.ReceiveFrom(packet, SocketFlags.None, from)))) continue;
            silences = 0;
            socket.SendTo(state.Acknowledgement(), SocketFlags.None, from);
        }
        return state.Bytes;
    }

    private static bool Poll(Socket socket)
    {
        var until = Stopwatch.GetTimestamp() + (long)(Timeout.TotalSeconds * Stopwatch.Frequency);
        do
            if (socket.Poll(0, SelectMode.SelectRead)) return true;
        while (Stopwatch.GetTimestamp() < until);
        return false;
    }

    private static async Task<long> LoadManyAsync(IPAddress server, string file, int blockSize, int windowSize, int parallel)
    {
        var loads = Enumerable.Range(0, parallel).Select(_ => Task.Run(() => LoadOneAsync(server, file, blockSize, windowSize)));
        return (await Task.WhenAll(loads).ConfigureAwait(false)).Sum();
    }

    private static async Task<long> LoadOneAsync(IPAddress server, string file, int blockSize, int windowSize)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        var state = new Stream(file, blockSize, windowSize);
        var packet = new byte[2048];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        await socket.SendToAsync(state.Request, new IPEndPoint(server, 69)).ConfigureAwait(false);
        for (var silences = 0; !state.IsDone;)
        {
            using var timeout = new CancellationTokenSource(Timeout);
            try
            {
                while (true)
                {
                    var length = await socket.ReceiveFromAsync(packet, SocketFlags.None, from, timeout.Token).ConfigureAwait(false);
                    if (!state.Take(packet.AsSpan(0, length))) continue;
                    silences = 0;
                    socket.SendTo(state.Acknowledgement(), SocketFlags.None, from);
                    if (state.IsDone) break;
                }
            }
            catch (OperationCanceledException)
            {
                if (++silences > 30) throw new FailureException($"{server} fell silent at block {state.Received}");
                if (state.Received >= 0) socket.SendTo(state.Acknowledgement(), SocketFlags.None, from);
                else await socket.SendToAsync(state.Request, new IPEndPoint(server, 69)).ConfigureAwait(false);
            }
        }
        return state.Bytes;
    }

    /// <summary>Where one download is.</summary>
    private sealed class Stream(string file, int blockSize, int windowSize)
    {
        private readonly byte[] _acknowledgement = [0, 4, 0, 0];
        private int _inWindow;

        public byte[] Request { get; } = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\0\u0001{file}\0octet\0blksize\0{blockSize}\0{(windowSize > 1 ? $"windowsize\0{windowSize}\0" : "")}"));

        public long Received { get; private set; } = -1;

        public long Bytes { get; private set; }

        public bool IsDone { get; private set; }

        public byte[] Acknowledgement()
        {
            _inWindow = 0;
            BinaryPrimitives.WriteUInt16BigEndian(_acknowledgement.AsSpan(2), (ushort)Math.Max(0, Received));
            return _acknowledgement;
        }

        /// <summary>Takes a packet; true when an acknowledgement is due.</summary>
        public bool Take(ReadOnlySpan<byte> packet)
        {
            var opcode = packet.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(packet);
            if (opcode == 5) throw new FailureException($"the server refuses {file}: {Encoding.ASCII.GetString(packet[HeaderLength..^1])}");
            if (opcode == 6 && Received < 0)
            {
                Received = 0;
                return true;
            }
            if (opcode != 3 || BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) != (ushort)(Math.Max(0, Received) + 1)) return false;
            Received = Math.Max(0, Received) + 1;
            Bytes += packet.Length - HeaderLength;
            IsDone = packet.Length < HeaderLength + blockSize;
            return IsDone || ++_inWindow >= windowSize;
        }
    }
}
