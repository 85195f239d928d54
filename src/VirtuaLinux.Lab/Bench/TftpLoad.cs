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
        return (LoadMany(server, file, blockSize, windowSize, parallel), clock.Elapsed.TotalSeconds);
    }

    /// <summary>One stream: it sleeps until a packet is there, as clients do.</summary>
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
            if (!socket.Poll(Timeout, SelectMode.SelectRead))
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

    /// <summary>Many streams in one thread, which waits for all of them in one call.</summary>
    private static long LoadMany(IPAddress server, string file, int blockSize, int windowSize, int parallel)
    {
        var to = new IPEndPoint(server, 69);
        var sockets = new Socket[parallel];
        var streams = new Stream[parallel];
        var addresses = new SocketAddress[parallel];
        for (var i = 0; i < parallel; i++)
        {
            sockets[i] = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
            sockets[i].Bind(new IPEndPoint(IPAddress.Any, 0));
            streams[i] = new Stream(file, blockSize, windowSize);
            addresses[i] = new SocketAddress(AddressFamily.InterNetwork);
            sockets[i].SendTo(streams[i].Request, to);
        }
        var descriptors = new ulong[parallel];
        var packet = new byte[ushort.MaxValue];
        var silences = 0;
        while (streams.Any(s => !s.IsDone))
        {
            var isSilent = Datagrams.Wait(sockets, descriptors, (int)Timeout.TotalMilliseconds) == 0;
            if (isSilent && ++silences > 30) throw new FailureException($"{server} fell silent");
            for (var i = 0; i < parallel; i++)
            {
                if (isSilent && !streams[i].IsDone && streams[i].Received < 0) sockets[i].SendTo(streams[i].Request, to);
                else if (isSilent && !streams[i].IsDone) sockets[i].SendTo(streams[i].Acknowledgement(), SocketFlags.None, addresses[i]);
                if (!Datagrams.IsReady(descriptors[i])) continue;
                while (Datagrams.TryReceive(sockets[i], packet, addresses[i]) is >= 0 and var length)
                    if (streams[i].Take(packet.AsSpan(0, length))) sockets[i].SendTo(streams[i].Acknowledgement(), SocketFlags.None, addresses[i]);
            }
        }
        foreach (var socket in sockets) socket.Dispose();
        return streams.Sum(s => s.Bytes);
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
