using System.Buffers.Binary;
using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Writes a DHCP message into the caller's buffer. An option that does not fit is left out, so the important ones come first.</summary>
public ref struct DhcpWriter
{
    /// <summary>Smallest message that old BOOTP relays and clients take, in bytes (RFC 1542, section 2.1).</summary>
    public const int MinimumLength = 300;

    private readonly Span<byte> buffer;
    private int length;

    /// <summary>Starts a message.</summary>
    /// <param name="buffer">At least 300 bytes; its length bounds the message.</param>
    /// <param name="header">Fixed fields.</param>
    /// <param name="type">Option 53, the first one.</param>
    public DhcpWriter(Span<byte> buffer, in DhcpHeader header, DhcpMessageType type)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, MinimumLength, nameof(buffer));
        this.buffer = buffer;
        buffer.Clear();
        buffer[0] = header.Operation;
        buffer[1] = 1;
        buffer[2] = MacAddress.Length;
        buffer[3] = header.Hops;
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], header.TransactionId);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[8..], header.Seconds);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[10..], header.Flags);
        header.ClientAddress.WriteTo(buffer[12..]);
        header.YourAddress.WriteTo(buffer[16..]);
        header.NextServer.WriteTo(buffer[20..]);
        header.RelayAddress.WriteTo(buffer[24..]);
        header.ClientMac.WriteTo(buffer[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[236..], DhcpMessage.Cookie);
        length = DhcpMessage.HeaderLength;
        Add(DhcpOption.MessageType, (byte)type);
    }

    /// <summary>Puts text into <c>file</c>; false when it has more than 127 bytes.</summary>
    public readonly bool SetFile(string text)
    {
        if (Encoding.UTF8.GetByteCount(text) > 127) return false;
        Encoding.UTF8.GetBytes(text, buffer.Slice(108, 128));
        return true;
    }

    /// <summary>Adds an option; false when it does not fit.</summary>
    public bool Add(DhcpOption code, scoped ReadOnlySpan<byte> value)
    {
        // One byte stays free for option 255.
        if (value.Length > 255 || length + 2 + value.Length >= buffer.Length) return false;
        buffer[length] = (byte)code;
        buffer[length + 1] = (byte)value.Length;
        value.CopyTo(buffer[(length + 2)..]);
        length += 2 + value.Length;
        return true;
    }

    /// <summary>Adds an option of one byte.</summary>
    public bool Add(DhcpOption code, byte value) => Add(code, [value]);

    /// <summary>Adds an option of one 32-bit number.</summary>
    public bool Add(DhcpOption code, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Add(code, bytes);
    }

    /// <summary>Adds an option of one address.</summary>
    public bool Add(DhcpOption code, Ipv4Address value) => Add(code, value.Value);

    /// <summary>Adds an option of addresses, the first 8 of them; none for an empty list.</summary>
    public bool Add(DhcpOption code, scoped ReadOnlySpan<Ipv4Address> values)
    {
        Span<byte> bytes = stackalloc byte[32];
        var count = Math.Min(values.Length, 8);
        for (var i = 0; i < count; i++) values[i].WriteTo(bytes[(i * 4)..]);
        return count > 0 && Add(code, bytes[..(count * 4)]);
    }

    /// <summary>Adds an option of text; none for an empty one.</summary>
    public bool Add(DhcpOption code, string? value)
    {
        if (string.IsNullOrEmpty(value)) return false;
        Span<byte> bytes = stackalloc byte[255];
        return Encoding.UTF8.TryGetBytes(value, bytes, out var count) && Add(code, bytes[..count]);
    }

    /// <summary>Writes option 255 and returns the message's length in bytes, padded to 300.</summary>
    public readonly int Finish()
    {
        buffer[length] = (byte)DhcpOption.End;
        return Math.Max(length + 1, MinimumLength);
    }
}
