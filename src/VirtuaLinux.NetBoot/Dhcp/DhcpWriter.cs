using System.Buffers.Binary;
using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Writes a DHCP message into the caller's buffer. What does not fit into the options goes into the fields <c>file</c> and <c>sname</c> (option 52), and what fits nowhere is left out, so the important options come first.</summary>
public ref struct DhcpWriter
{
    /// <summary>Smallest message that old BOOTP relays and clients take, in bytes (RFC 1542, section 2.1).</summary>
    public const int MinimumLength = 300;

    private const int NameStart = 44, NameEnd = 108, FileStart = 108, FileEnd = 236;

    // Option 52 itself and option 255.
    private const int ReservedBytes = 4;

    private readonly Span<byte> buffer;
    private Area area;
    private int length;
    private int optionsLength;
    private byte overload;
    private bool hasFile;

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

    private enum Area
    {
        Options,
        File,
        Name,
        Full,
    }

    /// <summary>Puts text into <c>file</c>; false when it has more than 127 bytes, or when options are there already.</summary>
    public bool SetFile(scoped ReadOnlySpan<byte> text)
    {
        if (text.Length > 127 || area >= Area.File) return false;
        text.CopyTo(buffer[FileStart..]);
        return hasFile = true;
    }

    /// <summary>Adds an option, in several parts when it has more than 255 bytes (RFC 3396, section 5); false when it does not fit.</summary>
    public bool Add(DhcpOption code, scoped ReadOnlySpan<byte> value)
    {
        if (!Fits(value.Length)) return false;
        do
        {
            var part = value[..Math.Min(value.Length, 255)];
            while (part.Length + 2 > EndOf(area) - length) Leave();
            buffer[length] = (byte)code;
            buffer[length + 1] = (byte)part.Length;
            part.CopyTo(buffer[(length + 2)..]);
            length += 2 + part.Length;
            value = value[part.Length..];
        }
        while (!value.IsEmpty);
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

    /// <summary>Ends the options and returns the message's length in bytes, padded to 300.</summary>
    public int Finish()
    {
        buffer[length] = (byte)DhcpOption.End;
        if (area == Area.Options) return Math.Max(length + 1, MinimumLength);
        ReadOnlySpan<byte> option = [(byte)DhcpOption.Overload, 1, overload, (byte)DhcpOption.End];
        option.CopyTo(buffer[optionsLength..]);
        return Math.Max(optionsLength + option.Length, MinimumLength);
    }

    /// <summary>Whether a value has room in the present area and those behind it: parts of it never go back.</summary>
    private readonly bool Fits(int valueLength)
    {
        var (where, at) = (area, length);
        do
        {
            var part = Math.Min(valueLength, 255);
            while (part + 2 > EndOf(where) - at)
            {
                where = After(where);
                if (where == Area.Full) return false;
                at = StartOf(where);
            }
            at += 2 + part;
            valueLength -= part;
        }
        while (valueLength > 0);
        return true;
    }

    private void Leave()
    {
        if (area == Area.Options) optionsLength = length;
        else buffer[length] = (byte)DhcpOption.End;
        area = After(area);
        length = StartOf(area);
        overload |= (byte)(area == Area.File ? 1 : 2);
    }

    private readonly Area After(Area where) => where == Area.Options ? hasFile ? Area.Name : Area.File : where + 1;

    private static int StartOf(Area where) => where == Area.File ? FileStart : NameStart;

    /// <summary>Where an area ends, with room for what closes it.</summary>
    private readonly int EndOf(Area where) => where switch
    {
        Area.Options => buffer.Length - ReservedBytes,
        Area.File => FileEnd - 1,
        _ => NameEnd - 1,
    };
}
