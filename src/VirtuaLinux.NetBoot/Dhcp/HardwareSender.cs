using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Sends a UDP datagram in an Ethernet frame to a MAC address whose owner does not answer ARP yet (packet(7); RFC 2131, section 4.1). Not thread-safe.</summary>
public sealed class HardwareSender : IDisposable
{
    /// <summary>Length of what goes before the datagram: Ethernet, IPv4 and UDP headers, in bytes.</summary>
    public const int HeaderLength = EthernetLength + Ipv4Length + UdpLength;

    private const int EthernetLength = 14, Ipv4Length = 20, UdpLength = 8, UdpProtocol = 17, TimeToLive = 64;
    private const ushort Ipv4Type = 0x0800;

    private readonly byte[] _frame = new byte[HeaderLength + DhcpMessage.MaximumLength];
    private readonly Socket _socket;
    private readonly SocketAddress _target;
    private readonly MacAddress _own;

    private HardwareSender(Socket socket, SocketAddress target, MacAddress own)
    {
        _socket = socket;
        _target = target;
        _own = own;
    }

    /// <summary>Prepares an interface; null when this process may not send frames, or it is no Ethernet.</summary>
    public static HardwareSender? TryCreate(string device)
    {
        var card = NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(i => i.Name == device);
        if (card?.GetPhysicalAddress().GetAddressBytes() is not { Length: MacAddress.Length } own) return null;
        try
        {
            // Protocol 0: this socket sends only.
            var socket = new Socket(AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified);
            // sockaddr_ll: family, protocol, interface, hardware type, packet type, address length, address.
            var target = new SocketAddress(AddressFamily.Packet, 20);
            var bytes = target.Buffer.Span;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], Ipv4Type);
            BitConverter.TryWriteBytes(bytes[4..], card.GetIPProperties().GetIPv4Properties().Index);
            bytes[11] = MacAddress.Length;
            return new HardwareSender(socket, target, MacAddress.FromBytes(own));
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Sends a datagram; what the interface does not take at once is lost.</summary>
    public void Send(ReadOnlySpan<byte> datagram, MacAddress to, Ipv4Address source, int sourcePort, Ipv4Address destination, int destinationPort)
    {
        var length = Write(_frame, datagram, _own, to, source, sourcePort, destination, destinationPort);
        to.WriteTo(_target.Buffer.Span[12..]);
        Datagrams.TrySend(_socket, _frame.AsSpan(0, length), _target);
    }

    /// <summary>Writes the frame; returns its length (RFC 791, section 3.1; RFC 768).</summary>
    public static int Write(Span<byte> frame, ReadOnlySpan<byte> datagram, MacAddress from, MacAddress to, Ipv4Address source, int sourcePort, Ipv4Address destination, int destinationPort)
    {
        to.WriteTo(frame);
        from.WriteTo(frame[MacAddress.Length..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], Ipv4Type);
        var ip = frame.Slice(EthernetLength, Ipv4Length);
        ip.Clear();
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(Ipv4Length + UdpLength + datagram.Length));
        ip[6] = 0x40; // don't fragment
        ip[8] = TimeToLive;
        ip[9] = UdpProtocol;
        source.WriteTo(ip[12..]);
        destination.WriteTo(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum(ip, 0));
        var udp = frame.Slice(EthernetLength + Ipv4Length, UdpLength + datagram.Length);
        BinaryPrimitives.WriteUInt16BigEndian(udp, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], (ushort)destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        udp[6] = udp[7] = 0;
        datagram.CopyTo(udp[UdpLength..]);
        var sum = Checksum(udp, Sum(ip[12..20]) + UdpProtocol + (uint)udp.Length);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], sum == 0 ? (ushort)0xFFFF : sum);
        return HeaderLength + datagram.Length;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>The Internet checksum (RFC 1071).</summary>
    private static ushort Checksum(ReadOnlySpan<byte> bytes, uint start)
    {
        var sum = start + Sum(bytes);
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..]) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.Length == 1 ? sum + (uint)(bytes[0] << 8) : sum;
    }
}
