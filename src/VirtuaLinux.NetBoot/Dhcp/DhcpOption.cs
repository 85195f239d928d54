namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Option codes that the boot server reads or writes.</summary>
public enum DhcpOption : byte
{
    /// <summary>Filler of one byte (RFC 2132, section 3.1).</summary>
    Pad = 0,

    /// <summary>Subnet mask (RFC 2132, section 3.3).</summary>
    SubnetMask = 1,

    /// <summary>Routers on the client's subnet (RFC 2132, section 3.5).</summary>
    Router = 3,

    /// <summary>Domain name servers (RFC 2132, section 3.8).</summary>
    DomainNameServer = 6,

    /// <summary>Host name (RFC 2132, section 3.14).</summary>
    HostName = 12,

    /// <summary>Domain name (RFC 2132, section 3.17).</summary>
    DomainName = 15,

    /// <summary>Directed broadcast address (RFC 2132, section 5.3).</summary>
    BroadcastAddress = 28,

    /// <summary>Vendor specific information: PXE tags (PXE 2.1, table 2-1).</summary>
    VendorSpecific = 43,

    /// <summary>Address that a client wishes (RFC 2132, section 9.1).</summary>
    RequestedAddress = 50,

    /// <summary>Lease time in seconds (RFC 2132, section 9.2).</summary>
    LeaseTime = 51,

    /// <summary>Which of <c>file</c> and <c>sname</c> hold options (RFC 2132, section 9.3).</summary>
    Overload = 52,

    /// <summary>Message type (RFC 2132, section 9.6).</summary>
    MessageType = 53,

    /// <summary>Server identifier (RFC 2132, section 9.7).</summary>
    ServerIdentifier = 54,

    /// <summary>Options that the client asks for (RFC 2132, section 9.8).</summary>
    ParameterRequestList = 55,

    /// <summary>Text for people (RFC 2132, section 9.9).</summary>
    Message = 56,

    /// <summary>Largest message that the client takes, IP and UDP headers included (RFC 2132, section 9.10).</summary>
    MaximumMessageSize = 57,

    /// <summary>Vendor class: <c>PXEClient…</c>, <c>HTTPClient…</c> (RFC 2132, section 9.13).</summary>
    VendorClass = 60,

    /// <summary>Client identifier (RFC 2132, section 9.14); echoed (RFC 6842).</summary>
    ClientIdentifier = 61,

    /// <summary>TFTP server name (RFC 2132, section 9.4).</summary>
    TftpServerName = 66,

    /// <summary>Boot file name (RFC 2132, section 9.5).</summary>
    BootFileName = 67,

    /// <summary>User class (RFC 3004); iPXE sends the bare text <c>iPXE</c>.</summary>
    UserClass = 77,

    /// <summary>Relay agent information (RFC 3046); echoed.</summary>
    RelayAgentInformation = 82,

    /// <summary>Client system architectures (RFC 4578, section 2.1).</summary>
    ClientArchitecture = 93,

    /// <summary>Client machine identifier (RFC 4578, section 2.3); echoed.</summary>
    ClientMachineIdentifier = 97,

    /// <summary>Options of iPXE in an encapsulated list.</summary>
    Ipxe = 175,

    /// <summary>End of the options (RFC 2132, section 3.2).</summary>
    End = 255,
}
