using System.Net;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>One download, without socket or clock: which packets follow from what the client sends and from time. Times are milliseconds of any steady clock.</summary>
internal sealed class TftpTransfer : IDisposable
{
    /// <summary>Largest block that is agreed to, in bytes: fills an Ethernet frame. Larger ones would be fragmented, which firmware seldom puts together.</summary>
    public const int LargestBlock = 1468;

    /// <summary>Largest window that is agreed to, in blocks; gains level off near it.</summary>
    public const int LargestWindow = 64;

    private const int MaximumRetries = 6;
    private const int ReadAhead = 16 << 10;
    private const long DefaultTimeout = 1000, ProofTimeout = 10_000;
    private TftpWindow _window;
    private int _retries;

    // What was read ahead of the client: in lock-step, a call for each block would cost as much as the sending.
    private byte[]? _ahead;
    private long _aheadFrom;
    private int _aheadLength;

    /// <summary>Starts a download; <see cref="First"/> to <see cref="Last"/> are to be sent.</summary>
    public TftpTransfer(TftpRequest request, BootFile file, SocketAddress client, long now)
    {
        Request = request;
        File = file;
        Client = client;
        Started = now;
        BlockSize = Math.Min(request.BlockSize ?? TftpRequest.DefaultBlockSize, LargestBlock);
        Span<byte> packet = stackalloc byte[128];
        _window = new TftpWindow(file.Length, BlockSize, Math.Min(request.WindowSize ?? 1, LargestWindow), WriteOptions(packet) > 0);
        Deadline = now + ProofTimeout;
    }

    /// <summary>What was asked for.</summary>
    public TftpRequest Request { get; }

    /// <summary>The content.</summary>
    public BootFile File { get; }

    /// <summary>Who asked.</summary>
    public SocketAddress Client { get; }

    /// <summary>When it began.</summary>
    public long Started { get; }

    /// <summary>Length of a full block, in bytes.</summary>
    public int BlockSize { get; }

    /// <summary>Whether the client has answered at all: before that its address may be forged.</summary>
    public bool IsProven { get; private set; }

    /// <summary>Whether the client has all.</summary>
    public bool IsDone => _window.IsDone;

    /// <summary>The first block to be sent; 0 is the acknowledgement of options.</summary>
    public long First => _window.Acknowledged + 1;

    /// <summary>The last block to be sent.</summary>
    public long Last => _window.SentTo;

    /// <summary>Whether the last block is on its way: a client that then falls silent most likely has it.</summary>
    public bool IsAtEnd => _window.SentTo == _window.LastBlock;

    /// <summary>When <see cref="Overdue"/> is to be asked.</summary>
    public long Deadline { get; private set; }

    /// <summary>Bytes of content that the client has.</summary>
    public long BytesServed => Math.Clamp(_window.Acknowledged * BlockSize, 0, File.Length);

    /// <summary>Takes an acknowledgement; true when <see cref="First"/> to <see cref="Last"/> are to be sent.</summary>
    public bool Acknowledge(ushort block, long now)
    {
        if (!_window.Acknowledge(block)) return false;
        IsProven = true;
        _retries = 0;
        Deadline = now + Wait();
        return !_window.IsDone;
    }

    /// <summary>The deadline has passed; true when <see cref="First"/> to <see cref="Last"/> are to be sent again, false when it is over.</summary>
    /// <remarks>The deadline counts from the last sending: stray and duplicate packets do not prolong it. An address that proved nothing gets its first packet once for each request, and no more.</remarks>
    public bool Overdue(long now)
    {
        if (!IsProven || ++_retries > MaximumRetries) return false;
        Deadline = now + Wait();
        return true;
    }

    /// <summary>Writes a packet and returns its length; 0 when the file has become shorter than it was.</summary>
    public int Write(long block, Span<byte> packet)
    {
        if (block == 0) return WriteOptions(packet);
        var expected = (int)Math.Min(BlockSize, File.Length - (block - 1) * BlockSize);
        TftpPacket.WriteDataHeader(packet, (ushort)block);
        return Read((block - 1) * BlockSize, packet.Slice(TftpPacket.HeaderLength, expected)) ? TftpPacket.HeaderLength + expected : 0;
    }

    /// <summary>Fills a block, or returns false when the file has become shorter. Only a proven address gets memory to read ahead.</summary>
    private bool Read(long offset, Span<byte> block)
    {
        if (!IsProven || block.IsEmpty) return File.Read(offset, block) == block.Length;
        var start = offset - _aheadFrom;
        if (start < 0 || start + block.Length > _aheadLength)
        {
            _aheadLength = File.Read(offset, _ahead ??= GC.AllocateUninitializedArray<byte>((int)Math.Min(ReadAhead, File.Length)));
            (_aheadFrom, start) = (offset, 0);
        }
        if (block.Length > _aheadLength) return false;
        _ahead.AsSpan((int)start, block.Length).CopyTo(block);
        return true;
    }

    public void Dispose() => File.Dispose();

    private long Wait() => Request.TimeoutSeconds is { } seconds ? seconds * 1000L : DefaultTimeout << Math.Min(_retries, 2);

    private int WriteOptions(Span<byte> packet) => TftpPacket.WriteOptions(
        packet,
        Request.BlockSize is null ? null : BlockSize,
        Request.WantsSize ? File.Length : null,
        Request.TimeoutSeconds,
        Request.WindowSize is { } size ? Math.Min(size, LargestWindow) : null);
}
