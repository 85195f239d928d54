using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Looks for other DHCP servers on a network before this machine serves there.</summary>
public static class DhcpProbe
{
    /// <summary>Broadcasts a DISCOVER now and again and collects who offers something.</summary>
    /// <param name="interface">Interface to ask on.</param>
    /// <param name="mac">Address to ask with; one that no static map knows finds only servers that lend to anybody.</param>
    /// <param name="patience">How long to wait for offers, at least a few seconds: servers test addresses before they offer them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Server identifiers of the offers, each once.</returns>
    /// <exception cref="Host.FailureException">The client port cannot be bound, for instance because a DHCP client runs here.</exception>
    public static async Task<IReadOnlyList<Ipv4Address>> FindServersAsync(string @interface, MacAddress mac, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        using var socket = BoundSocket.ForBroadcasts(@interface, DhcpServer.ClientPort);
        socket.EnableBroadcast = true;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(patience);
        var id = (uint)Random.Shared.Next();
        var asking = AskAsync(socket, Discover(mac, id), deadline.Token);
        List<Ipv4Address> servers = [];
        var datagram = new byte[DhcpMessage.MaximumLength];
        try
        {
            while (true)
            {
                var length = await socket.ReceiveAsync(datagram, SocketFlags.None, deadline.Token).ConfigureAwait(false);
                if (OfferingServer(datagram.AsSpan(0, length), mac, id) is { } server && !servers.Contains(server)) servers.Add(server);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await asking.ConfigureAwait(false);
            return servers;
        }
    }

    private static async Task AskAsync(Socket socket, byte[] discover, CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                await socket.SendToAsync(discover, SocketFlags.None, new IPEndPoint(IPAddress.Broadcast, DhcpServer.ServerPort), cancellationToken).ConfigureAwait(false);
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
        catch (SocketException e)
        {
            throw new Host.FailureException($"cannot look for other DHCP servers: {e.Message}; is the interface up?", e);
        }
    }

    private static byte[] Discover(MacAddress mac, uint id)
    {
        var buffer = new byte[DhcpWriter.MinimumLength];
        var writer = new DhcpWriter(buffer, new DhcpHeader { Operation = 1, TransactionId = id, Flags = 0x8000, ClientMac = mac }, DhcpMessageType.Discover);
        return buffer[..writer.Finish()];
    }

    private static Ipv4Address? OfferingServer(ReadOnlySpan<byte> datagram, MacAddress mac, uint id)
    {
        if (!DhcpMessage.TryParse(datagram, out var message, out _) || message.Operation != 2 || message.Type != DhcpMessageType.Offer) return null;
        return message.TransactionId == id && message.ClientMac == mac && message.TryGetAddress(DhcpOption.ServerIdentifier, out var server) ? server : null;
    }
}
