namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>How a reply reaches its client (RFC 2131, section 4.1).</summary>
public enum DhcpRoute
{
    /// <summary>Broadcast to port 68: the client has no address and asks for it, or is refused one.</summary>
    Broadcast,

    /// <summary>In a frame to the client's MAC address, to port 68 of the address that it is given: it cannot answer ARP yet.</summary>
    Hardware,

    /// <summary>To port 68 of the client's own address.</summary>
    Client,

    /// <summary>To port 67 of the relay agent.</summary>
    Relay,

    /// <summary>To where the request came from: a question to port 4011 (PXE 2.1, section 2.4.4).</summary>
    Sender,
}
