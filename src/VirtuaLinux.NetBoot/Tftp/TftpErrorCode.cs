namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>Codes of ERROR packets (RFC 1350, appendix; RFC 2347).</summary>
public enum TftpErrorCode
{
    /// <summary>See the text.</summary>
    Undefined = 0,

    /// <summary>File not found.</summary>
    FileNotFound = 1,

    /// <summary>Access violation.</summary>
    AccessViolation = 2,

    /// <summary>Illegal operation.</summary>
    IllegalOperation = 4,

    /// <summary>Unknown transfer identifier.</summary>
    UnknownTransfer = 5,

    /// <summary>The client refuses the options; also how EDK2 ends a question for the size.</summary>
    OptionsRefused = 8,
}
