namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Value of option 53 (RFC 2132, section 9.6).</summary>
public enum DhcpMessageType
{
    /// <summary>Option 53 is missing or unknown.</summary>
    None,

    /// <summary>A client looks for servers.</summary>
    Discover,

    /// <summary>A server's proposal.</summary>
    Offer,

    /// <summary>A client takes a proposal, verifies or extends a lease.</summary>
    Request,

    /// <summary>A client found the address in use.</summary>
    Decline,

    /// <summary>A server confirms.</summary>
    Ack,

    /// <summary>A server refuses.</summary>
    Nak,

    /// <summary>A client gives its address back.</summary>
    Release,

    /// <summary>A client that has an address asks for the other parameters.</summary>
    Inform,
}
