using System.Net;
using System.Net.Sockets;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The sockets of one <see cref="DhcpResponder"/> on one interface.</summary>
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
    private const int MaximumWaiting = 1024;

    private readonly DhcpResponder responder;
    private readonly AnsweredClients answered;
    private readonly Action<string> log;
    private readonly Socket broadcasts;
    private readonly Socket unicast;
    private readonly CancellationTokenSource stop = new();
    private readonly Task[] loops;
    private int waiting;

    /// <summary>Binds the sockets and starts to answer.</summary>
    /// <exception cref="Host.FailureException">A socket cannot be bound.</exception>
    public DhcpServer(BootEndpoint endpoint, DhcpResponder responder, AnsweredClients answered, Action<string> log)
    {
        this.responder = responder;
        this.answered = answered;
        this.log = log;
        broadcasts = BoundSocket.ForBroadcasts(endpoint.Interface, ServerPort);
        try
        {
            unicast = BoundSocket.ForAddress(broadcasts, endpoint.Interface, endpoint.Address, ServerPort);
        }
        catch
        {
            broadcasts.Dispose();
            throw;
        }
        loops = [Task.Run(() => ReceiveAsync(broadcasts)), Task.Run(() => ReceiveAsync(unicast))];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(loops).ConfigureAwait(false);
        broadcasts.Dispose();
        unicast.Dispose();
        stop.Dispose();
    }

    private async Task ReceiveAsync(Socket socket)
    {
        var datagram = new byte[DhcpMessage.MaximumLength + 1];
        var reply = new byte[DhcpMessage.MaximumLength];
        var sender = new SocketAddress(AddressFamily.InterNetwork);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var length = await socket.ReceiveFromAsync(datagram, SocketFlags.None, sender, stop.Token).ConfigureAwait(false);
                var answer = responder.Answer(datagram.AsSpan(0, length), reply, DateTimeOffset.UtcNow);
                if (answer.Log is { } line) log(line);
                if (answer.Length == 0) continue;
                answered.Add(answer.Client);
                if (answer.Delay == TimeSpan.Zero) await SendAsync(answer, reply.AsMemory(0, answer.Length)).ConfigureAwait(false);
                else if (Volatile.Read(ref waiting) < MaximumWaiting) _ = SendLaterAsync(answer, reply.AsSpan(0, answer.Length).ToArray());
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                // A cable out or an interface down for a moment must not end the service.
                log($"dhcp error reason=\"{e.Message}\"");
                await Task.Delay(TimeSpan.FromSeconds(1), stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SendLaterAsync(DhcpAnswer answer, byte[] reply)
    {
        Interlocked.Increment(ref waiting);
        try
        {
            await Task.Delay(answer.Delay, stop.Token).ConfigureAwait(false);
            await SendAsync(answer, reply).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            if (e is SocketException) log($"dhcp error reason=\"{e.Message}\"");
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private ValueTask<int> SendAsync(DhcpAnswer answer, ReadOnlyMemory<byte> reply) =>
        unicast.SendToAsync(reply, SocketFlags.None, new IPEndPoint(answer.Destination.ToIPAddress(), answer.ToRelay ? ServerPort : ClientPort), stop.Token);
}
