using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The fixed fields of a DHCP message that is written (RFC 2131, section 2).</summary>
public readonly record struct DhcpHeader
{
    /// <summary>1 for a request, 2 for a reply.</summary>
    public byte Operation { get; init; }

    /// <summary>Relay agents on the way.</summary>
    public byte Hops { get; init; }

    /// <summary>Transaction identifier.</summary>
    public uint TransactionId { get; init; }

    /// <summary>Seconds since the client began.</summary>
    public ushort Seconds { get; init; }

    /// <summary>Flags; the highest bit is broadcast.</summary>
    public ushort Flags { get; init; }

    /// <summary>ciaddr.</summary>
    public Ipv4Address ClientAddress { get; init; }

    /// <summary>yiaddr.</summary>
    public Ipv4Address YourAddress { get; init; }

    /// <summary>siaddr.</summary>
    public Ipv4Address NextServer { get; init; }

    /// <summary>giaddr.</summary>
    public Ipv4Address RelayAddress { get; init; }

    /// <summary>chaddr.</summary>
    public MacAddress ClientMac { get; init; }
}
