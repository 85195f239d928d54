using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>Sends the blocks of a window with few calls: equal packets go to the kernel in one piece, which it cuts (udp(7), UDP_SEGMENT). Owns its socket; not thread-safe.</summary>
internal sealed class TftpSender(Socket socket) : IDisposable
{
    private const int SolUdp = 17, UdpSegment = 103, MaximumSegments = 64, MaximumLength = 65_000;
    private readonly byte[] _buffer = new byte[MaximumLength];
    private int _segment;
    private bool _canSegment = true;

    /// <summary>Sends what a transfer has to send now.</summary>
    /// <returns>False when its file became shorter.</returns>
    /// <exception cref="SocketException">The network refuses it.</exception>
    public bool Send(TftpTransfer transfer)
    {
        var size = TftpPacket.HeaderLength + transfer.BlockSize;
        var most = _canSegment ? Math.Min(MaximumSegments, MaximumLength / size) : 1;
        for (var block = transfer.First; block <= transfer.Last;)
        {
            // The acknowledgement of options goes alone; a block that is not full is the last one.
            var count = block == 0 ? 1 : (int)Math.Min(most, transfer.Last - block + 1);
            var length = 0;
            for (var i = 0; i < count; i++)
            {
                var written = transfer.Write(block + i, _buffer.AsSpan(length, block == 0 ? 128 : size));
                if (written == 0) return false;
                length += written;
            }
            if (count == 1) Send(_buffer.AsSpan(0, length), transfer.Client);
            else if (!TrySegments(_buffer.AsSpan(0, length), transfer.Client, size)) count = 0;
            block += count;
            if (!_canSegment) most = 1;
        }
        return true;
    }

    /// <summary>Sends one packet.</summary>
    public void Send(ReadOnlySpan<byte> packet, SocketAddress client)
    {
        if (_segment != 0 && packet.Length > _segment) Segment(0);
        socket.SendTo(packet, SocketFlags.None, client);
    }

    public void Dispose() => socket.Dispose();

    private bool TrySegments(ReadOnlySpan<byte> packets, SocketAddress client, int size)
    {
        try
        {
            if (_segment != size) Segment(size);
            socket.SendTo(packets, SocketFlags.None, client);
            return true;
        }
        catch (SocketException)
        {
            // A card without checksums in hardware, or an old kernel: block by block from now on.
            _canSegment = false;
            Segment(0);
            return false;
        }
    }

    private void Segment(int size)
    {
        try
        {
            socket.SetRawSocketOption(SolUdp, UdpSegment, MemoryMarshal.AsBytes([size]));
        }
        catch (SocketException) when (size == 0)
        {
            // Never was on.
        }
        _segment = size;
    }
}
