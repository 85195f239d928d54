using System.Net.Sockets;
using System.Text;

namespace VirtuaLinux.Host;

/// <summary>Tells systemd the state of this service (sd_notify(3)).</summary>
public static class ServiceNotify
{
    /// <summary>Sends <c>READY=1</c> or another assignment; does nothing when no manager listens.</summary>
    public static void Send(string assignment)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path) return;
        // A leading '@' stands for the abstract namespace (unix(7)).
        var endpoint = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo(Encoding.UTF8.GetBytes(assignment), endpoint);
    }
}
