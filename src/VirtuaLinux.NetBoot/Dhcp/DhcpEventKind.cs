namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What a DHCP server made of a datagram.</summary>
public enum DhcpEventKind
{
    /// <summary>An address was offered.</summary>
    Offer,

    /// <summary>An address was confirmed, or parameters were given.</summary>
    Ack,

    /// <summary>A wrong address was refused.</summary>
    Nak,

    /// <summary>A client gave its address back.</summary>
    Release,

    /// <summary>A client found another machine at its address.</summary>
    Decline,

    /// <summary>Silence: no DHCP request.</summary>
    Malformed,

    /// <summary>Silence: of another subnet, or from a relay agent that is not of this site.</summary>
    Foreign,

    /// <summary>Silence: the machine is not in the manifest.</summary>
    Stranger,

    /// <summary>Silence: the site file refuses this machine.</summary>
    Refused,

    /// <summary>Silence: the discovery range is used up.</summary>
    Exhausted,

    /// <summary>Silence: the client chose another server.</summary>
    Elsewhere,

    /// <summary>Silence: other servers are to answer this attempt.</summary>
    NotItsTurn,

    /// <summary>Silence: somebody has a newer manifest than this server.</summary>
    Outdated,

    /// <summary>Silence: the message needs no answer from this server.</summary>
    Idle,
}
