using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>A read-only TFTP server on one address.</summary>
/// <remarks>One socket per unicast address: a wildcard socket would answer from the wrong source on a machine with a floating address.</remarks>
public sealed class TftpServer : IAsyncDisposable
{
    // Firmware waits seconds for the first packet: a request beyond this is not answered, and the client asks again.
    private const int MaximumTransfers = 2048;
    private const int MaximumTextLength = 1 << 20;

    private readonly Ipv4Address address;
    private readonly BootContent content;
    private readonly ServedBytes served;
    private readonly Action<string> log;
    private readonly Socket socket;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<(IPEndPoint, TftpRequest), TftpTransfer> transfers = new();
    private readonly ConcurrentDictionary<TftpTransfer, Task> running = new();
    private readonly Task loop;

    /// <summary>Binds the socket and starts to answer.</summary>
    /// <exception cref="Host.FailureException">The socket cannot be bound.</exception>
    public TftpServer(Ipv4Address address, int port, BootContent content, ServedBytes served, Action<string> log)
    {
        this.address = address;
        this.content = content;
        this.served = served;
        this.log = log;
        socket = BoundSocket.ForAddress(address, port);
        loop = Task.Run(ReceiveAsync);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await loop.ConfigureAwait(false);
        await Task.WhenAll(running.Values).ConfigureAwait(false);
        socket.Dispose();
        stop.Dispose();
    }

    private async Task ReceiveAsync()
    {
        var packet = new byte[2048];
        var anyone = new IPEndPoint(IPAddress.Any, 0);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(packet, SocketFlags.None, anyone, stop.Token).ConfigureAwait(false);
                await StartAsync(packet.AsMemory(0, received.ReceivedBytes), (IPEndPoint)received.RemoteEndPoint).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or IOException or Host.FailureException)
            {
                log($"tftp error reason=\"{e.Message}\"");
                await Task.Delay(TimeSpan.FromMilliseconds(100), stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async ValueTask StartAsync(ReadOnlyMemory<byte> packet, IPEndPoint client)
    {
        if (!TftpRequest.TryParse(packet.Span, out var request, out var reason))
        {
            // Answering what is no request would let two servers talk for ever.
            if (TftpPacket.OpcodeOf(packet.Span) is TftpOpcode.ReadRequest or TftpOpcode.WriteRequest) await RefuseAsync(client, TftpErrorCode.IllegalOperation, reason).ConfigureAwait(false);
            return;
        }
        if (request!.Opcode == TftpOpcode.WriteRequest)
        {
            await RefuseAsync(client, TftpErrorCode.AccessViolation, "read only").ConfigureAwait(false);
            return;
        }
        // The same request again before its first packet was answered is a repetition, and the transfer repeats by itself.
        // Later it is a machine that started anew and uses the same port, as PXE firmware does.
        if (running.Count >= MaximumTransfers || transfers.TryGetValue((client, request), out var known) && !known.IsAnswered) return;
        var from = ClientEndpoint.From(client);
        if (content.TryOpen(request.FileName, from, address, isSecure: false, out _) is not { } file)
        {
            await RefuseAsync(client, TftpErrorCode.FileNotFound, "not found").ConfigureAwait(false);
            log($"tftp missing file=\"{Printable(request.FileName)}\" client={from.Address}");
            return;
        }
        var transfer = new TftpTransfer(address, client, request, request.IsText ? ToText(file) : file);
        transfers[(client, request)] = transfer;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        running[transfer] = done.Task;
        _ = RunAsync(transfer, client, request, done);
    }

    private async Task RunAsync(TftpTransfer transfer, IPEndPoint client, TftpRequest request, TaskCompletionSource done)
    {
        var clock = Stopwatch.StartNew();
        string? failure;
        try
        {
            failure = await transfer.RunAsync(stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            failure = e.Message;
        }
        var (from, bytes) = (Ipv4Address.From(client.Address), transfer.BytesServed);
        served.Add(from, bytes);
        var why = failure is null ? "" : $" reason=\"{failure}\"";
        log(string.Create(CultureInfo.InvariantCulture, $"tftp {(failure is null ? "sent" : "ended")} file=\"{Printable(request.FileName)}\" client={from} bytes={bytes} ms={clock.ElapsedMilliseconds}{why}"));
        transfers.TryRemove(KeyValuePair.Create((client, request), transfer));
        running.TryRemove(transfer, out _);
        transfer.Dispose();
        done.SetResult();
    }

    /// <summary>Translates line ends for mode netascii (RFC 764): LF to CR LF, CR to CR NUL. Meant for short texts; long files go as they are.</summary>
    private static BootFile ToText(BootFile file)
    {
        if (file.Length > MaximumTextLength) return file;
        using var original = file;
        var bytes = new byte[file.Length];
        var length = file.Read(0, bytes);
        using var text = new MemoryStream(length + length / 8);
        foreach (var b in bytes.AsSpan(0, length))
        {
            if (b == '\n') text.WriteByte((byte)'\r');
            text.WriteByte(b);
            if (b == '\r') text.WriteByte(0);
        }
        return new BootFile(text.ToArray());
    }

    private async ValueTask RefuseAsync(IPEndPoint client, TftpErrorCode code, string text)
    {
        var packet = new byte[128];
        var length = TftpPacket.WriteError(packet, code, text);
        await socket.SendToAsync(packet.AsMemory(0, length), SocketFlags.None, client, stop.Token).ConfigureAwait(false);
    }

    private static string Printable(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var c in name.Take(128)) text.Append(char.IsControl(c) || c == '"' ? '?' : c);
        return text.ToString();
    }
}
