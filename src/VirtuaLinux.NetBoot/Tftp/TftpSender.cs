using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using VirtuaLinux.Host;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>Sends the blocks of a window with few calls: equal packets go to the kernel in one piece, which it cuts (udp(7), UDP_SEGMENT). What the kernel does not take at once is as good as lost on the way. Owns its socket; not thread-safe.</summary>
/// <param name="socket">The socket.</param>
/// <param name="buffer">Room for <see cref="BufferLength"/> bytes, which senders of one thread share.</param>
internal sealed class TftpSender(Socket socket, byte[] buffer) : IDisposable
{
    /// <summary>Length of the buffer: the most that one call sends.</summary>
    public const int BufferLength = 65_000;

    private const int SolUdp = 17, UdpSegment = 103, MaximumSegments = 64;
    private const int InputOutputError = 5, InvalidArgument = 22, NotSupported = 95;
    private int _segment;
    private bool _canSegment = true;

    /// <summary>Sends what a transfer has to send now.</summary>
    /// <returns>False when its file became shorter.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public bool Send(TftpTransfer transfer)
    {
        var size = TftpPacket.HeaderLength + transfer.BlockSize;
        for (var block = transfer.First; block <= transfer.Last;)
        {
            // The acknowledgement of options goes alone; a block that is not full is the last one.
            var count = block == 0 || !_canSegment ? 1 : (int)Math.Min(Math.Min(MaximumSegments, BufferLength / size), transfer.Last - block + 1);
            var length = 0;
            for (var i = 0; i < count; i++)
            {
                var written = transfer.Write(block + i, buffer.AsSpan(length, block == 0 ? 128 : size));
                if (written == 0) return false;
                length += written;
            }
            if (count == 1) Send(buffer.AsSpan(0, length), transfer.Client);
            else if (!TrySegments(buffer.AsSpan(0, length), transfer.Client, size)) count = 0;
            block += count;
        }
        return true;
    }

    /// <summary>Sends one packet.</summary>
    public void Send(ReadOnlySpan<byte> packet, SocketAddress client)
    {
        if (_segment != 0 && packet.Length > _segment) Segment(0);
        Datagrams.TrySend(socket, packet, client);
    }

    public void Dispose() => socket.Dispose();

    /// <summary>False when the kernel or the card cannot cut packets, and they have to go one by one from now on.</summary>
    private bool TrySegments(ReadOnlySpan<byte> packets, SocketAddress client, int size)
    {
        if (_segment != size) Segment(size);
        _canSegment = _segment == size && Datagrams.TrySend(socket, packets, client) is not (InputOutputError or InvalidArgument or NotSupported);
        if (!_canSegment) Segment(0);
        return _canSegment;
    }

    private void Segment(int size)
    {
        try
        {
            socket.SetRawSocketOption(SolUdp, UdpSegment, MemoryMarshal.AsBytes([size]));
            _segment = size;
        }
        catch (SocketException)
        {
            _segment = 0; // an old kernel: never was on
        }
    }
}
