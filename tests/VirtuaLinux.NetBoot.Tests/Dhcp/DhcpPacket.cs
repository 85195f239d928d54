using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

/// <summary>Packets of clients, as tests need them.</summary>
internal static class DhcpPacket
{
    public static byte[] Request(DhcpMessageType type, MacAddress mac, params (DhcpOption Code, byte[] Value)[] options) =>
        Request(type, new DhcpHeader { Operation = 1, TransactionId = 7, ClientMac = mac }, options);

    public static byte[] Request(DhcpMessageType type, DhcpHeader header, params (DhcpOption Code, byte[] Value)[] options)
    {
        var buffer = new byte[DhcpMessage.MaximumLength];
        var writer = new DhcpWriter(buffer, header, type);
        foreach (var (code, value) in options) Assert.True(writer.Add(code, value));
        return buffer[..writer.Finish()];
    }

    public static byte[] Bytes(Ipv4Address address)
    {
        var bytes = new byte[4];
        address.WriteTo(bytes);
        return bytes;
    }
}
