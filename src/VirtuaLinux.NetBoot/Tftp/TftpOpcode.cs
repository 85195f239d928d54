namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>First field of a packet (RFC 1350, section 5; RFC 2347).</summary>
public enum TftpOpcode
{
    /// <summary>Read request.</summary>
    ReadRequest = 1,

    /// <summary>Write request; always refused.</summary>
    WriteRequest = 2,

    /// <summary>A block.</summary>
    Data = 3,

    /// <summary>Acknowledgement of a block.</summary>
    Acknowledgement = 4,

    /// <summary>Ends a transfer.</summary>
    Error = 5,

    /// <summary>Acknowledgement of options.</summary>
    OptionAcknowledgement = 6,
}
