using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>Makes UDP sockets that are tied to one interface or one address (socket(7), ip(7)).</summary>
internal static class BoundSocket
{
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoBindToDevice = 25;
    private const int SoSendBufferForce = 32;
    private const int BufferSize = 4 << 20;

    /// <summary>A socket that receives broadcasts of one interface.</summary>
    public static Socket ForBroadcasts(string device, int port)
    {
        var socket = NewUdp();
        BindToDevice(socket, device);
        return Bind(socket, IPAddress.Any, port, device);
    }

    /// <summary>A socket beside <paramref name="broadcasts"/>, for what is sent to the address itself and for replies: they leave from that address.</summary>
    public static Socket ForAddress(Socket broadcasts, string device, Ipv4Address address, int port)
    {
        // Sharing is allowed only while this process binds its second socket, so that another server's attempt still fails.
        SetReuse(broadcasts, true);
        try
        {
            var socket = NewUdp();
            socket.EnableBroadcast = true;
            BindToDevice(socket, device);
            SetReuse(socket, true);
            Bind(socket, address.ToIPAddress(), port, device);
            SetReuse(socket, false);
            return socket;
        }
        finally
        {
            SetReuse(broadcasts, false);
        }
    }

    /// <summary>A socket for one address.</summary>
    public static Socket ForAddress(Ipv4Address address, int port) => Bind(NewUdp(), address.ToIPAddress(), port, "");

    private static Socket NewUdp()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = BufferSize };
        try
        {
            // What waits for an ARP answer stays in the send buffer for seconds: it must hold more than the default allows.
            socket.SetRawSocketOption(SolSocket, SoSendBufferForce, BitConverter.GetBytes(BufferSize));
        }
        catch (SocketException)
        {
            socket.SendBufferSize = BufferSize; // not root: as much as the system lets anybody have
        }
        return socket;
    }

    private static Socket Bind(Socket socket, IPAddress address, int port, string device)
    {
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            var where = device.Length > 0 ? $"{address}:{port}/udp on {device}" : $"{address}:{port}/udp";
            throw new FailureException(e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"{where} is in use by another program; stop it (ss -lunp shows it) or choose another interface",
                SocketError.AccessDenied => $"{where} may not be bound; run as root",
                SocketError.AddressNotAvailable => $"{where}: this machine does not have that address",
                _ => $"{where} cannot be bound: {e.Message}",
            }, e);
        }
    }

    private static void BindToDevice(Socket socket, string device)
    {
        try
        {
            socket.SetRawSocketOption(SolSocket, SoBindToDevice, Encoding.ASCII.GetBytes(device + '\0'));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new FailureException($"cannot bind to interface '{device}': {e.Message}", e);
        }
    }

    private static void SetReuse(Socket socket, bool on) => socket.SetRawSocketOption(SolSocket, SoReuseAddress, BitConverter.GetBytes(on ? 1 : 0));
}
