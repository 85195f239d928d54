namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Why a datagram is not a DHCP message.</summary>
public enum DhcpFault
{
    /// <summary>It is one.</summary>
    None,

    /// <summary>Shorter than the fixed fields and the magic cookie: 240 bytes.</summary>
    TooShort,

    /// <summary>Hardware type is not Ethernet or hardware address length is not 6.</summary>
    NotEthernet,

    /// <summary>No magic cookie 63 82 53 63: plain BOOTP.</summary>
    NoCookie,

    /// <summary>An option's length points behind the end of its field.</summary>
    TruncatedOption,

    /// <summary>Option 52 is not 1, 2 or 3.</summary>
    BadOverload,

    /// <summary>Option 53 is missing, has not one byte, or is unknown.</summary>
    NoMessageType,
}
