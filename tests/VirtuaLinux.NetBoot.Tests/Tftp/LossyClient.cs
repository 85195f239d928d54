using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests.Tftp;

/// <summary>A TFTP client that loses one packet in a hundred, in both directions.</summary>
internal static class LossyClient
{
    private const int BlockSize = 1468;
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(300);

    public static async Task<byte[]> GetAsync(IPEndPoint server, string file, int windowSize, Random random, CancellationToken cancellationToken)
    {
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var request = Encoding.ASCII.GetBytes($"\0\u0001{file}\0octet\0blksize\0{BlockSize}\0windowsize\0{windowSize}\0");
        using var got = new MemoryStream();
        long received = -1;
        var inWindow = 0;
        for (var silences = 0; silences < 200;)
        {
            var packet = await ReceiveAsync(client, random, cancellationToken);
            if (packet is null)
            {
                silences++;
                await SendAsync(client, server, received < 0 ? request : Acknowledgement(received), random, cancellationToken);
                inWindow = 0;
                continue;
            }
            if (TftpPacket.OpcodeOf(packet) == TftpOpcode.OptionAcknowledgement)
            {
                if (received > 0) continue;
                received = 0;
                await SendAsync(client, server, Acknowledgement(0), random, cancellationToken);
                continue;
            }
            if (TftpPacket.OpcodeOf(packet) != TftpOpcode.Data || received < 0) continue;
            if (TftpPacket.NumberOf(packet) != (ushort)(received + 1))
            {
                // A gap: the last block in order is told once, and the rest of the window passes by (RFC 7440, section 4).
                if (inWindow >= 0 && windowSize > 1) await SendAsync(client, server, Acknowledgement(received), random, cancellationToken);
                inWindow = -1;
                continue;
            }
            silences = 0;
            received++;
            inWindow = Math.Max(inWindow, 0) + 1;
            got.Write(packet.AsSpan(TftpPacket.HeaderLength));
            var isLast = packet.Length < TftpPacket.HeaderLength + BlockSize;
            if (inWindow < windowSize && !isLast) continue;
            inWindow = 0;
            await SendAsync(client, server, Acknowledgement(received), random, cancellationToken);
            if (isLast) return got.ToArray();
        }
        return got.ToArray();
    }

    private static byte[] Acknowledgement(long block)
    {
        var packet = new byte[] { 0, 4, 0, 0 };
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)block);
        return packet;
    }

    private static async Task SendAsync(UdpClient client, IPEndPoint server, byte[] packet, Random random, CancellationToken cancellationToken)
    {
        if (random.Next(100) > 0) await client.SendAsync(packet, server, cancellationToken);
    }

    private static async Task<byte[]?> ReceiveAsync(UdpClient client, Random random, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Timeout);
        try
        {
            while (true)
            {
                var packet = (await client.ReceiveAsync(deadline.Token)).Buffer;
                if (random.Next(100) > 0) return packet;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
