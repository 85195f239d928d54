using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VirtuaLinux.Lab.Bench;

/// <summary>A DHCP responder without any logic: what a load generator reaches against it is the ceiling of the instrument.</summary>
public static class DhcpReflector
{
    private const int SolSocket = 1, BindToDevice = 25, HeaderLength = 240;

    /// <summary>Answers every request of a relay agent until <paramref name="cancellationToken"/>.</summary>
    public static void Run(string device, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        socket.SetRawSocketOption(SolSocket, BindToDevice, Encoding.ASCII.GetBytes(device + '\0'));
        socket.Bind(new IPEndPoint(IPAddress.Any, 67));
        var packet = new byte[2048];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        var to = new SocketAddress(AddressFamily.InterNetwork);
        Console.Error.WriteLine("ready");
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
