using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Bench;

/// <summary>Responders without any logic: what a load generator reaches against them is the ceiling of the instrument.</summary>
public static class Reflector
{
    private const int SolSocket = 1, BindToDevice = 25, HeaderLength = 240;

    /// <summary>Sends blocks of zeros over TFTP, as fast as they are acknowledged.</summary>
    /// <param name="address">Address to bind.</param>
    /// <param name="length">Length of every file, in bytes.</param>
    /// <param name="blockSize">What every client is taken to have asked for, in bytes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static void RunTftp(IPAddress address, long length, int blockSize, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        socket.Bind(new IPEndPoint(address, 69));
        var packet = new byte[ushort.MaxValue];
        var block = new byte[4 + blockSize];
        block[1] = 3;
        var from = new SocketAddress(AddressFamily.InterNetwork);
        while (!cancellationToken.IsCancellationRequested)
        {
            if (Datagrams.TryReceive(socket, packet, from) < 4 && (!socket.Poll(250_000, SelectMode.SelectRead) || Datagrams.TryReceive(socket, packet, from) < 4)) continue;
            // A request is answered with its options, and block n with block n + 1.
            if (packet[1] == 1)
            {
                socket.SendTo(Encoding.ASCII.GetBytes($"\0\u0006blksize\0{blockSize}\0"), SocketFlags.None, from);
                continue;
            }
            var next = (packet[2] << 8 | packet[3]) + 1;
            var left = length - (next - 1L) * blockSize;
            if (packet[1] != 4 || left < 0) continue;
            (block[2], block[3]) = ((byte)(next >> 8), (byte)next);
            socket.SendTo(block.AsSpan(0, 4 + (int)Math.Min(left, blockSize)), SocketFlags.None, from);
        }
    }

    /// <summary>Answers every DHCP request of a relay agent until <paramref name="cancellationToken"/>.</summary>
    public static void RunDhcp(string device, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        socket.SetRawSocketOption(SolSocket, BindToDevice, Encoding.ASCII.GetBytes(device + '\0'));
        socket.Bind(new IPEndPoint(IPAddress.Any, 67));
        var packet = new byte[2048];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        var to = new SocketAddress(AddressFamily.InterNetwork);
        while (!cancellationToken.IsCancellationRequested)
        {
            if (!socket.Poll(250_000, SelectMode.SelectRead)) continue;
            var length = socket.ReceiveFrom(packet, SocketFlags.None, from);
            if (length < HeaderLength + 3 || packet[0] != 1 || packet[HeaderLength] != 53) continue;
            packet[0] = 2;
            packet[HeaderLength + 2] = (byte)(packet[HeaderLength + 2] == 1 ? 2 : 5);
            // An address from the MAC address, and this server's identifier behind what the client sent.
            (packet[16], packet[17], packet[18], packet[19]) = (10, 77, packet[32], packet[33]);
            var end = packet.AsSpan(HeaderLength, length - HeaderLength).LastIndexOf((byte)255) + HeaderLength;
            ReadOnlySpan<byte> identifier = [54, 4, 10, 77, 0, 1, 51, 4, 0, 1, 81, 128, 255];
            identifier.CopyTo(packet.AsSpan(end));
            (to.Buffer.Span[2], to.Buffer.Span[3]) = (0, 67);
            packet.AsSpan(24, 4).CopyTo(to.Buffer.Span[4..]);
            socket.SendTo(packet.AsSpan(0, end + identifier.Length), SocketFlags.None, to);
        }
    }
}
