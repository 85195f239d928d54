using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The sockets of one <see cref="DhcpResponder"/> on one interface, a thread for each.</summary>
/// <remarks>
/// A socket bound to a unicast address receives no broadcasts on Linux, so there are two: 0.0.0.0:67 tied to the interface
/// (dotnet/runtime#83525), and one on the address itself, which also sends, so that replies leave from the server identifier.
/// </remarks>
public sealed class DhcpServer : IAsyncDisposable
{
    /// <summary>Port of servers and relay agents.</summary>
    public const int ServerPort = 67;

    /// <summary>Port of clients.</summary>
    public const int ClientPort = 68;

    // Replies that wait for their rank's delay; more than this many at once are dropped, and the clients ask again.
    private const int MaximumWaiting = 4096;
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(10);

    private readonly DhcpServerOptions _options;
    private readonly Socket _unicast;
    private readonly List<Socket> _sockets = [];
    private readonly HardwareSender? _hardware;
    private readonly ClientMemory _told = new();
    private readonly Lock _gate = new();
    private readonly List<Thread> _threads = [];
    private readonly CancellationTokenSource _stop = new();
    private int _waiting;

    /// <summary>Binds the sockets and starts to answer.</summary>
    /// <exception cref="FailureException">A socket cannot be bound.</exception>
    public DhcpServer(DhcpServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        var (device, address) = options.Endpoint;
        try
        {
            var broadcasts = BoundSocket.ForBroadcasts(device, ServerPort);
            _sockets.Add(broadcasts);
            _unicast = BoundSocket.ForAddress(broadcasts, device, address, ServerPort);
            _sockets.Add(_unicast);
            if (options.IsProxy) _sockets.Add(BoundSocket.ForAddress(address, DhcpResponder.ProxyPort));
        }
        catch
        {
            foreach (var socket in _sockets) socket.Dispose();
            throw;
        }
        _hardware = HardwareSender.TryCreate(device);
        foreach (var (index, socket) in _sockets.Index())
        {
            var port = index < 2 ? ServerPort : DhcpResponder.ProxyPort;
            var thread = new Thread(() => Serve(socket, port)) { IsBackground = true, Name = $"dhcp {device} {port}" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // Ends the calls that wait for a datagram.
        foreach (var socket in _sockets) socket.Dispose();
        foreach (var thread in _threads) thread.Join();
        _hardware?.Dispose();
        _stop.Dispose();
    }

    private void Serve(Socket socket, int port)
    {
        var datagram = new byte[ushort.MaxValue];
        var reply = new byte[DhcpMessage.MaximumLength];
        var sender = new SocketAddress(AddressFamily.InterNetwork);
        var target = new SocketAddress(AddressFamily.InterNetwork);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var length = socket.ReceiveFrom(datagram, SocketFlags.None, sender);
                var answer = _options.Responder.Answer(datagram.AsSpan(0, length), reply, Environment.TickCount64, port);
                Tell(answer.Event);
                if (answer.Length == 0) continue;
                if (answer.Delay > TimeSpan.Zero) SendLater(answer, reply.AsSpan(0, answer.Length).ToArray());
                else if (answer.Route == DhcpRoute.Sender) Datagrams.TrySend(socket, reply.AsSpan(0, answer.Length), sender);
                else Send(answer, reply.AsSpan(0, answer.Length), target);
            }
            catch (Exception e) when (_stop.IsCancellationRequested && e is SocketException or ObjectDisposedException)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Neither an interface that is down for a moment nor anything that a packet brings about must end the service.
                _options.Log($"dhcp error reason=\"{e.Message}\"");
                // A receive that fails at once must not spin; the end of the service is not kept waiting.
                if (e is SocketException) _stop.Token.WaitHandle.WaitOne(ErrorPause);
            }
        }
    }

    /// <summary>Counts, and tells what is news: a client's line is repeated only after it was silent for a minute.</summary>
    private void Tell(in DhcpEvent happened)
    {
        _options.Metrics.Dhcp(happened.Kind).Add();
        _options.Metrics.DhcpRequests(happened.Type).Add();
        if (!happened.IsNotable) return;
        if (happened.Kind is DhcpEventKind.Offer or DhcpEventKind.Ack) _options.OnReply(happened);
        lock (_gate)
        {
            ref var lines = ref _told[happened.Mac, Environment.TickCount64, renew: true];
            if ((lines & 1UL << happened.Line) != 0) return;
            lines |= 1UL << happened.Line;
        }
        _options.Log(happened.ToString());
    }

    private void SendLater(DhcpAnswer answer, byte[] reply)
    {
        if (Volatile.Read(ref _waiting) < MaximumWaiting) _ = SendLaterAsync(answer, reply);
    }

    private async Task SendLaterAsync(DhcpAnswer answer, byte[] reply)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await Task.Delay(answer.Delay, _stop.Token).ConfigureAwait(false);
            Send(answer, reply, new SocketAddress(AddressFamily.InterNetwork));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The server stops.
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private void Send(in DhcpAnswer answer, ReadOnlySpan<byte> reply, SocketAddress target)
    {
        if (answer.Route == DhcpRoute.Hardware && _hardware is not null)
        {
            lock (_hardware) _hardware.Send(reply, answer.Event.Mac, _options.Endpoint.Address, ServerPort, answer.Destination, ClientPort);
            return;
        }
        // sockaddr_in (ip(7)): family, port, address. Without frames of its own a broadcast is what every client takes.
        var bytes = target.Buffer.Span;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)(answer.Route == DhcpRoute.Relay ? ServerPort : ClientPort));
        (answer.Route == DhcpRoute.Hardware ? Ipv4Address.Broadcast : answer.Destination).WriteTo(bytes[4..]);
        // What the kernel does not take at once is lost, and the client asks again.
        Datagrams.TrySend(_unicast, reply, target);
    }
}
