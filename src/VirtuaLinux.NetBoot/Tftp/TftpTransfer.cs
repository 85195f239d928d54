using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>One download: sends a file from its own port until the client has it, gives up or falls silent.</summary>
internal sealed class TftpTransfer : IDisposable
{
    /// <summary>Largest block that is agreed to, in bytes: fills an Ethernet frame. Larger ones would be fragmented, which firmware seldom puts together.</summary>
    public const int LargestBlock = 1468;

    /// <summary>Largest window that is agreed to, in blocks; gains level off near it.</summary>
    public const int LargestWindow = 64;

    private const int MaximumRetries = 6;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);
    private readonly Socket socket;
    private readonly BootFile file;
    private readonly TftpRequest request;
    private readonly int blockSize;
    private readonly TimeSpan timeout;
    private readonly byte[] packet;
    private readonly byte[] incoming = new byte[128];
    private TftpWindow window;

    public TftpTransfer(Ipv4Address server, EndPoint client, TftpRequest request, BootFile file)
    {
        this.request = request;
        this.file = file;
        blockSize = Math.Min(request.BlockSize ?? TftpRequest.DefaultBlockSize, LargestBlock);
        timeout = request.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : DefaultTimeout;
        packet = new byte[Math.Max(128, TftpPacket.HeaderLength + blockSize)];
        window = new TftpWindow(file.Length, blockSize, Math.Min(request.WindowSize ?? 1, LargestWindow), WriteOptions() > 0);
        socket = BoundSocket.ForAddress(server, 0);
        try
        {
            // A connected socket takes packets of this client only.
            socket.Connect(client);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether the client has answered at all: its address is real, and what it asks again is a new start.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Bytes of content that the client has.</summary>
    public long BytesServed => Math.Clamp(window.Acknowledged * blockSize, 0, file.Length);

    /// <summary>Runs to the end; null when the client has the file, otherwise why not.</summary>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        var retries = 0;
        while (!window.IsDone)
        {
            await SendWindowAsync(cancellationToken).ConfigureAwait(false);
            // Stray and duplicate packets do not prolong this: the deadline counts from the last sending.
            var deadline = Stopwatch.GetTimestamp() + (long)(Wait(retries).TotalSeconds * Stopwatch.Frequency);
            switch (await ReceiveAsync(deadline, cancellationToken).ConfigureAwait(false))
            {
                case Outcome.Progress:
                    retries = 0;
                    IsAnswered = true;
                    break;
                case Outcome.Refused:
                    return "client ended it";
                case Outcome.Silence:
                    // Before the first answer the address may be forged: it gets one repetition, not a stream.
                    if (++retries > (IsAnswered ? MaximumRetries : 1)) return "client fell silent";
                    break;
            }
        }
        return null;
    }

    public void Dispose()
    {
        socket.Dispose();
        file.Dispose();
    }

    private TimeSpan Wait(int retries) => request.TimeoutSeconds is null ? timeout * (1 << Math.Min(retries, 2)) : timeout;

    private int WriteOptions() => TftpPacket.WriteOptions(
        packet,
        request.BlockSize is null ? null : blockSize,
        request.WantsSize ? file.Length : null,
        request.TimeoutSeconds,
        request.WindowSize is { } size ? Math.Min(size, LargestWindow) : null);

    private async ValueTask SendWindowAsync(CancellationToken cancellationToken)
    {
        for (var block = window.Acknowledged + 1; block <= window.SentTo; block++)
        {
            var length = block == 0 && window.Acknowledged < 0 ? WriteOptions() : WriteData(block);
            await socket.SendAsync(packet.AsMemory(0, length), SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
    }

    private int WriteData(long block)
    {
        TftpPacket.WriteDataHeader(packet, (ushort)block);
        return TftpPacket.HeaderLength + file.Read((block - 1) * blockSize, packet.AsSpan(TftpPacket.HeaderLength, blockSize));
    }

    private async ValueTask<Outcome> ReceiveAsync(long deadline, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timer.CancelAfter(TimeSpan.FromSeconds(Math.Max(0, deadline - Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency));
        try
        {
            while (true)
            {
                var length = await socket.ReceiveAsync(incoming, SocketFlags.None, timer.Token).ConfigureAwait(false);
                switch (TftpPacket.OpcodeOf(incoming.AsSpan(0, length)))
                {
                    case TftpOpcode.Acknowledgement when window.Acknowledge(TftpPacket.NumberOf(incoming)):
                        return Outcome.Progress;
                    case TftpOpcode.Error:
                        return Outcome.Refused;
                }
                if (Stopwatch.GetTimestamp() >= deadline) return Outcome.Silence;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Outcome.Silence;
        }
    }

    private enum Outcome
    {
        Progress,
        Refused,
        Silence,
    }
}
