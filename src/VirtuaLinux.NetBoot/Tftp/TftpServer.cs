using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>A read-only TFTP server on one address: one thread, and one port for all transfers unless each shall have its own.</summary>
/// <remarks>One socket per unicast address: a wildcard socket would answer from the wrong source on a machine with a floating address.</remarks>
public sealed class TftpServer : IAsyncDisposable
{
    // Firmware waits seconds for the first packet: a request beyond this is not answered, and the client asks again.
    private const int MaximumTransfers = 4096;

    // Whose address is not proved may be forged: the oldest of these goes when a new one comes, so that a real client is never kept out.
    private const int MaximumUnproven = 1024;

    // A machine loads one or two files at once; nobody takes all places.
    private const int MaximumOfOneAddress = 512;

    private const int MaximumTextLength = 1 << 20;
    private const string ClientEnded = "the client ended it";
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(10);
    private const int ScanMilliseconds = 50, IdleMilliseconds = 250;

    // Lock-step is bound by the time that a thread takes to wake up: while somebody loads, the thread waits awake, this long.
    private static readonly long SpinTicks = Environment.ProcessorCount > 1 ? Stopwatch.Frequency / 1_000_000 * 40 : 0;

    private readonly TftpServerOptions _options;
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[TftpSender.BufferLength];
    private readonly TftpSender _sender;
    private readonly Dictionary<ulong, TftpTransfer> _transfers = [];
    private readonly Dictionary<Ipv4Address, int> _byAddress = [];
    private readonly Queue<TftpTransfer> _unproven = new();
    private readonly Dictionary<TftpTransfer, TftpSender> _ports = [];
    private readonly Lock _gate = new();
    private readonly Thread _thread;
    private readonly CancellationTokenSource _stop = new();
    private int _active;

    /// <summary>Binds the socket and starts to answer.</summary>
    /// <exception cref="FailureException">The socket cannot be bound.</exception>
    public TftpServer(TftpServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _socket = BoundSocket.ForAddress(options.Address, options.Port);
        _sender = new TftpSender(_socket, _buffer);
        _thread = new Thread(Serve) { IsBackground = true, Name = $"tftp {options.Address}" };
        _thread.Start();
    }

    /// <summary>Downloads that are under way.</summary>
    public int InFlight => Volatile.Read(ref _active);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _thread.Join();
        lock (_gate)
            foreach (var (key, transfer) in _transfers.ToList()) End(key, transfer, "the server stops");
        _sender.Dispose();
        _stop.Dispose();
    }

    private static long Now => Environment.TickCount64;

    private void Serve()
    {
        var packet = new byte[ushort.MaxValue];
        var client = new SocketAddress(AddressFamily.InterNetwork);
        var scanned = Now;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var length = Receive(packet, client);
                if (length >= 0) Take(packet.AsSpan(0, length), client);
                if (Now - scanned < ScanMilliseconds) continue;
                scanned = Now;
                lock (_gate) RepeatOverdue(scanned);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Whatever a packet or a file brings about, it must not end the service for all others.
                _options.Log($"tftp error reason=\"{Printable(e.Message)}\"");
                // A receive that fails at once must not spin; the end of the service is not kept waiting.
                if (e is SocketException) _stop.Token.WaitHandle.WaitOne(ErrorPause);
            }
        }
    }

    /// <summary>Waits for a packet, awake at first while somebody loads; -1 when none came for a while.</summary>
    private int Receive(Span<byte> packet, SocketAddress client)
    {
        if (Volatile.Read(ref _active) > 0)
        {
            var until = Stopwatch.GetTimestamp() + SpinTicks;
            do
                if (Datagrams.TryReceive(_socket, packet, client) is >= 0 and var length) return length;
            while (Stopwatch.GetTimestamp() < until);
        }
        var patience = TimeSpan.FromMilliseconds(Volatile.Read(ref _active) > 0 ? ScanMilliseconds : IdleMilliseconds);
        return _socket.Poll(patience, SelectMode.SelectRead) ? _socket.ReceiveFrom(packet, SocketFlags.None, client) : -1;
    }

    private void Take(ReadOnlySpan<byte> packet, SocketAddress client)
    {
        var (key, address) = Identify(client);
        lock (_gate)
            switch (TftpPacket.OpcodeOf(packet))
            {
                case TftpOpcode.ReadRequest or TftpOpcode.WriteRequest:
                    if (_options.IsClient(address)) Start(packet, key, client, address);
                    else _options.Metrics.TftpForeign.Add();
                    break;
                case TftpOpcode.Acknowledgement or TftpOpcode.Error when _transfers.TryGetValue(key, out var transfer) && !_ports.ContainsKey(transfer):
                    Continue(packet, key, transfer, _sender);
                    break;
            }
    }

    private void Start(ReadOnlySpan<byte> packet, ulong key, SocketAddress client, Ipv4Address address)
    {
        if (!TftpRequest.TryParse(packet, out var request, out var reason))
        {
            Refuse(client, TftpErrorCode.IllegalOperation, reason);
            return;
        }
        if (request!.Opcode == TftpOpcode.WriteRequest)
        {
            Refuse(client, TftpErrorCode.AccessViolation, "read only");
            return;
        }
        if (_transfers.TryGetValue(key, out var known))
        {
            // The same request again before its first packet was answered is a repetition. Later it is a machine that started anew
            // and uses the same port, as PXE firmware does.
            if (!known.IsProven && known.Request == request)
            {
                Send(key, known, SenderOf(known));
                return;
            }
            End(key, known, "the client began anew");
        }
        if (_transfers.Count >= MaximumTransfers || _byAddress.GetValueOrDefault(address) >= MaximumOfOneAddress) return;
        var file = _options.Content.TryOpen(request.FileName, new ClientEndpoint(address, (int)(key & 0xFFFF)), _options.Address, isSecure: false, out _);
        if (file is null)
        {
            _options.Metrics.TftpMissing.Add();
            Refuse(client, TftpErrorCode.FileNotFound, "not found");
            _options.Log($"tftp missing file=\"{Printable(request.FileName)}\" client={address}");
            return;
        }
        if ((request.IsText ? ToText(file) : file) is not { } content)
        {
            Refuse(client, TftpErrorCode.AccessViolation, "too long for netascii; ask for it as octet");
            return;
        }
        var own = new SocketAddress(AddressFamily.InterNetwork);
        client.Buffer.Span[..client.Size].CopyTo(own.Buffer.Span);
        var transfer = new TftpTransfer(request, content, own, Now);
        _transfers[key] = transfer;
        _byAddress[address] = _byAddress.GetValueOrDefault(address) + 1;
        _active = _transfers.Count;
        _options.Metrics.TftpStarted.Add();
        _unproven.Enqueue(transfer);
        ForgetOldest();
        if (_options.PortForEach) OpenPort(key, transfer);
        Send(key, transfer, SenderOf(transfer));
    }

    private void ForgetOldest()
    {
        while (_unproven.TryPeek(out var oldest) && (_unproven.Count > MaximumUnproven || oldest.IsProven))
        {
            _unproven.Dequeue();
            var (key, _) = Identify(oldest.Client);
            if (!oldest.IsProven && _transfers.TryGetValue(key, out var known) && known == oldest) End(key, oldest, "never answered");
        }
    }

    private void Continue(ReadOnlySpan<byte> packet, ulong key, TftpTransfer transfer, TftpSender sender)
    {
        if (TftpPacket.OpcodeOf(packet) == TftpOpcode.Error)
        {
            End(key, transfer, ClientEnded);
            return;
        }
        if (TftpPacket.OpcodeOf(packet) != TftpOpcode.Acknowledgement) return;
        if (transfer.Acknowledge(TftpPacket.NumberOf(packet), Now)) Send(key, transfer, sender);
        else if (transfer.IsDone) End(key, transfer, null);
    }

    private void RepeatOverdue(long now)
    {
        foreach (var (key, transfer) in _transfers)
        {
            if (transfer.Deadline > now) continue;
            if (transfer.Overdue(now))
            {
                _options.Metrics.TftpRepeated.Add();
                Send(key, transfer, SenderOf(transfer));
            }
            else
            {
                // Removing the current entry leaves the enumeration valid.
                End(key, transfer, !transfer.IsProven ? "never answered" : transfer.IsAtEnd ? "the last acknowledgement is missing" : "the client fell silent");
            }
        }
    }

    private void Send(ulong key, TftpTransfer transfer, TftpSender sender)
    {
        try
        {
            if (sender.Send(transfer)) return;
            Refuse(transfer.Client, TftpErrorCode.Undefined, "the file changed", sender);
            End(key, transfer, "the file became shorter");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Refuse(transfer.Client, TftpErrorCode.Undefined, "cannot be read", sender);
            End(key, transfer, e.Message);
        }
    }

    private void End(ulong key, TftpTransfer transfer, string? failure)
    {
        _transfers.Remove(key);
        _active = _transfers.Count;
        var (address, bytes) = (Identify(transfer.Client).Address, transfer.BytesServed);
        if (--_byAddress[address] == 0) _byAddress.Remove(address);
        if (_ports.Remove(transfer, out var port)) port.Dispose();
        if (bytes > 0) _options.Served.Add(address, bytes);
        _options.Metrics.TftpBytes.Add(bytes);
        (failure is null ? _options.Metrics.TftpSent : _options.Metrics.TftpEnded).Add();
        var name = Printable(transfer.Request.FileName);
        // Firmware asks for the size first and then ends that transfer (EDK2): no fault. Requests that nobody answered for may be forged, thousands of them.
        if (!transfer.IsProven && failure == ClientEnded && transfer.Request.WantsSize) _options.Log($"tftp size file=\"{name}\" client={address} bytes={transfer.File.Length}");
        else if (transfer.IsProven) _options.Log(string.Create(CultureInfo.InvariantCulture, $"tftp {(failure is null ? "sent" : "ended")} file=\"{name}\" client={address} bytes={bytes} ms={Now - transfer.Started}{(failure is null ? "" : $" reason=\"{failure}\"")}"));
        if (failure is null) _options.OnSent(address, transfer.Request.FileName);
        transfer.Dispose();
    }

    /// <summary>A port of its own for one transfer, for networks whose filters expect it (RFC 1350, section 4).</summary>
    private void OpenPort(ulong key, TftpTransfer transfer)
    {
        var socket = BoundSocket.ForAddress(_options.Address, 0);
        _ports[transfer] = new TftpSender(socket, _buffer);
        _ = ListenAsync(key, transfer, socket);
    }

    private async Task ListenAsync(ulong key, TftpTransfer transfer, Socket socket)
    {
        var packet = new byte[256];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        try
        {
            while (true)
            {
                var length = await socket.ReceiveFromAsync(packet, SocketFlags.None, from).ConfigureAwait(false);
                if (Identify(from).Key != key) continue;
                lock (_gate)
                    if (_ports.TryGetValue(transfer, out var sender)) Continue(packet.AsSpan(0, length), key, transfer, sender);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The transfer is over.
        }
    }

    private TftpSender SenderOf(TftpTransfer transfer) => _ports.GetValueOrDefault(transfer, _sender);

    private static (ulong Key, Ipv4Address Address) Identify(SocketAddress client)
    {
        // sockaddr_in (ip(7)): family, port, address.
        var bytes = client.Buffer.Span;
        var address = Ipv4Address.FromBytes(bytes[4..]);
        return ((ulong)address.Value << 16 | (uint)(bytes[2] << 8 | bytes[3]), address);
    }

    /// <summary>Translates line ends for mode netascii (RFC 764): LF to CR LF, CR to CR NUL. Meant for short texts; null for a longer one.</summary>
    private static BootFile? ToText(BootFile file)
    {
        using var original = file;
        if (file.Length > MaximumTextLength) return null;
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

    private void Refuse(SocketAddress client, TftpErrorCode code, string text, TftpSender? sender = null)
    {
        Span<byte> packet = stackalloc byte[128];
        var length = TftpPacket.WriteError(packet, code, text);
        (sender ?? _sender).Send(packet[..length], client);
    }

    private static string Printable(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var c in name.AsSpan()[..Math.Min(name.Length, 128)]) text.Append(c is < ' ' or '"' or > '~' ? '?' : c);
        return text.ToString();
    }
}
