using System.Net;
using System.Net.Sockets;

namespace VirtuaLinux.Host;

/// <summary>Datagrams in one call each: the framework's own calls throw where nothing is there, and need a second call to ask before.</summary>
public static class Datagrams
{
    private const int DoNotWait = 0x40, PollIn = 1;

    /// <summary>Takes a datagram if one is there (recvfrom(2), MSG_DONTWAIT).</summary>
    /// <param name="socket">A UDP socket.</param>
    /// <param name="buffer">Room for the largest datagram.</param>
    /// <param name="from">Takes the sender.</param>
    /// <returns>Its length, or -1 when there is none, or an error that the next ordinary call will tell.</returns>
    public static int TryReceive(Socket socket, Span<byte> buffer, SocketAddress from)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(from);
        var length = from.Size;
        return (int)NativeMethods.ReceiveFrom(socket.Handle, buffer, buffer.Length, DoNotWait, from.Buffer.Span, ref length);
    }

    /// <summary>Hands a datagram to the kernel if it takes it now (sendto(2), MSG_DONTWAIT): packets for machines that are not there fill the send buffer for seconds, and who waited for room would serve nobody.</summary>
    /// <returns>0, or the error (errno(3)); the datagram is as good as lost on the way then.</returns>
    public static int TrySend(Socket socket, ReadOnlySpan<byte> datagram, SocketAddress to)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(to);
        return NativeMethods.SendTo(socket.Handle, datagram, datagram.Length, DoNotWait, to.Buffer.Span[..to.Size], to.Size) >= 0 ? 0 : System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
    }

    /// <summary>Waits until a datagram is there for one of several sockets (poll(2)).</summary>
    /// <param name="sockets">The sockets.</param>
    /// <param name="descriptors">Room for as many, kept from call to call.</param>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>How many have one.</returns>
    public static int Wait(ReadOnlySpan<Socket> sockets, Span<ulong> descriptors, int milliseconds)
    {
        // struct pollfd: descriptor, what to wait for, what came; little endian.
        for (var i = 0; i < sockets.Length; i++) descriptors[i] = (uint)(int)sockets[i].Handle | (ulong)PollIn << 32;
        return NativeMethods.Poll(descriptors, (nuint)sockets.Length, milliseconds);
    }

    /// <summary>Whether <see cref="Wait"/> found a datagram for a socket.</summary>
    public static bool IsReady(ulong descriptor) => descriptor >> 48 != 0;
}
