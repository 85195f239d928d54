namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>Which blocks of a transfer are acknowledged and which are on their way: the state of the sender, without socket or clock (RFC 1350, RFC 7440).</summary>
/// <remarks>Blocks are counted in 64 bits; the wire has the low 16 of them, so numbers roll over to 0. Block 0 is the OACK.</remarks>
public struct TftpWindow
{
    private readonly int windowSize;
    private bool rewound;

    /// <summary>Starts a transfer.</summary>
    /// <param name="length">Length of the file, in bytes.</param>
    /// <param name="blockSize">In bytes.</param>
    /// <param name="windowSize">In blocks.</param>
    /// <param name="hasOptions">Whether an OACK comes first.</param>
    public TftpWindow(long length, int blockSize, int windowSize, bool hasOptions)
    {
        this.windowSize = windowSize;
        LastBlock = length / blockSize + 1;
        Acknowledged = hasOptions ? -1 : 0;
        // The first data goes out alone: until it answers, the peer's address may be forged.
        SentTo = Acknowledged + 1;
    }

    /// <summary>Number of the last block: the first one that is not full, perhaps empty.</summary>
    public long LastBlock { get; }

    /// <summary>The highest block that the client has, all before it included.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>The highest block that was sent. What is to be sent, or sent again after a time-out, is <c>Acknowledged + 1</c> to this.</summary>
    public long SentTo { get; private set; }

    /// <summary>Whether the client has all.</summary>
    public readonly bool IsDone => Acknowledged == LastBlock;

    /// <summary>Takes an acknowledgement; true when it is news and the blocks from <c>Acknowledged + 1</c> to <see cref="SentTo"/> are to be sent.</summary>
    /// <remarks>
    /// A duplicate changes nothing and sends nothing, or each would double the traffic for ever (RFC 1123, section 4.2.3.1).
    /// With a window it also says that the window's first block was lost (RFC 7440, section 4): the window goes out again, once.
    /// </remarks>
    public bool Acknowledge(ushort block)
    {
        var step = (ushort)(block - (ushort)Acknowledged);
        if (step == 0 && SentTo - Acknowledged > 1 && !rewound) return rewound = true;
        if (step == 0 || step > SentTo - Acknowledged) return false;
        rewound = false;
        Acknowledged += step;
        SentTo = Math.Min(Acknowledged + windowSize, LastBlock);
        return true;
    }
}
