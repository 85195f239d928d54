using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What happened with a datagram: counted always, and told when it is news.</summary>
/// <param name="Kind">What.</param>
/// <param name="Mac">The client.</param>
/// <param name="Address">Its address, if it has one.</param>
/// <param name="Node">Its name; null for a machine that is not in the manifest.</param>
/// <param name="Boot">What it was told to boot.</param>
/// <param name="Type">Type of its message.</param>
public readonly record struct DhcpEvent(DhcpEventKind Kind, MacAddress Mac = default, Ipv4Address Address = default, string? Node = null, BootDecision Boot = default, DhcpMessageType Type = DhcpMessageType.None)
{
    /// <summary>Whether people want to know of it; what others send at will is only counted.</summary>
    public bool IsNotable => Kind is not (DhcpEventKind.Malformed or DhcpEventKind.Foreign or DhcpEventKind.Elsewhere or DhcpEventKind.NotItsTurn or DhcpEventKind.Outdated or DhcpEventKind.Idle);

    /// <summary>Which of a client's lines this is, 0 to 63: a line is not repeated while nothing else happens.</summary>
    public int Line => (int)Kind * 7 % 56 + (Kind is DhcpEventKind.Offer or DhcpEventKind.Ack ? (int)Boot.Client : 0);

    /// <summary>The line for the log.</summary>
    public override string ToString() => Kind switch
    {
        DhcpEventKind.Offer or DhcpEventKind.Ack => $"dhcp {(Kind == DhcpEventKind.Offer ? "offer" : "ack")} mac={Mac} node={Node ?? "-"} ip={Address} client={Boot.Client} file=\"{Boot.Describe()}\"",
        DhcpEventKind.Nak => $"dhcp nak mac={Mac} ip={Address}",
        DhcpEventKind.Release => $"dhcp release mac={Mac} ip={Address}",
        DhcpEventKind.Decline => $"dhcp decline mac={Mac} ip={Address} reason=\"another machine uses this address\"",
        DhcpEventKind.Stranger => $"dhcp ignored mac={Mac} reason=\"not in the manifest\"",
        DhcpEventKind.Refused => $"dhcp ignored mac={Mac} reason=\"refused by the site file\"",
        DhcpEventKind.Exhausted => $"dhcp ignored mac={Mac} reason=\"no free address in the discovery range\"",
        _ => $"dhcp {Kind} mac={Mac}",
    };
}
