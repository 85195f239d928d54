using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>Writes and reads the packets of a transfer in the caller's buffer.</summary>
public static class TftpPacket
{
    /// <summary>Length of opcode and block number, in bytes.</summary>
    public const int HeaderLength = 4;

    /// <summary>Opcode of a packet; 0 when it is too short for any.</summary>
    public static TftpOpcode OpcodeOf(ReadOnlySpan<byte> packet) => packet.Length < HeaderLength ? 0 : (TftpOpcode)BinaryPrimitives.ReadUInt16BigEndian(packet);

    /// <summary>The second field: a block number, or the code of an error.</summary>
    public static ushort NumberOf(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);

    /// <summary>Writes the header of DATA; the block follows it.</summary>
    public static void WriteDataHeader(Span<byte> packet, ushort block) => WriteHeader(packet, TftpOpcode.Data, block);

    /// <summary>Writes ERROR; returns its length.</summary>
    public static int WriteError(Span<byte> packet, TftpErrorCode code, string text)
    {
        WriteHeader(packet, TftpOpcode.Error, (ushort)code);
        var length = HeaderLength + Encoding.ASCII.GetBytes(text, packet[HeaderLength..]);
        packet[length] = 0;
        return length + 1;
    }

    /// <summary>Writes OACK with the options that were accepted (RFC 2347); returns its length, 0 when there are none.</summary>
    /// <param name="packet">Room for 128 bytes.</param>
    /// <param name="blockSize">Null: not accepted.</param>
    /// <param name="size">Size of the file in bytes; null: not asked.</param>
    /// <param name="timeoutSeconds">Null: not accepted.</param>
    /// <param name="windowSize">Null: not accepted.</param>
    public static int WriteOptions(Span<byte> packet, int? blockSize, long? size, int? timeoutSeconds, int? windowSize)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)TftpOpcode.OptionAcknowledgement);
        var length = 2;
        Append(packet, ref length, "blksize", blockSize);
        Append(packet, ref length, "tsize", size);
        Append(packet, ref length, "timeout", timeoutSeconds);
        Append(packet, ref length, "windowsize", windowSize);
        return length > 2 ? length : 0;
    }

    private static void Append(Span<byte> packet, ref int length, string name, long? value)
    {
        if (value is not { } number) return;
        length += Encoding.ASCII.GetBytes(name, packet[length..]);
        packet[length++] = 0;
        number.TryFormat(packet[length..], out var digits, default, CultureInfo.InvariantCulture);
        length += digits;
        packet[length++] = 0;
    }

    private static void WriteHeader(Span<byte> packet, TftpOpcode opcode, ushort number)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)opcode);
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], number);
    }
}
