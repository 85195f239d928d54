using System.Buffers.Binary;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>A view of a DHCP message in the caller's buffer (RFC 2131, section 2). Reading never throws and allocates nothing.</summary>
public readonly ref struct DhcpMessage
{
    /// <summary>Length of the fixed fields and the magic cookie, in bytes.</summary>
    public const int HeaderLength = 240;

    /// <summary>Largest UDP payload of an Ethernet frame, in bytes; longer datagrams are not read.</summary>
    public const int MaximumLength = 1472;

    /// <summary>The magic cookie (RFC 2131, section 3).</summary>
    public const uint Cookie = 0x63825363;

    private readonly ReadOnlySpan<byte> packet;
    private readonly byte overload;

    private DhcpMessage(ReadOnlySpan<byte> packet, byte overload, DhcpMessageType type)
    {
        this.packet = packet;
        this.overload = overload;
        Type = type;
    }

    /// <summary>Value of option 53.</summary>
    public DhcpMessageType Type { get; }

    /// <summary>1 for a request of a client, 2 for a reply of a server.</summary>
    public byte Operation => packet[0];

    /// <summary>Relay agents on the way.</summary>
    public byte Hops => packet[3];

    /// <summary>Transaction identifier.</summary>
    public uint TransactionId => BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);

    /// <summary>Seconds since the client began.</summary>
    public ushort Seconds => BinaryPrimitives.ReadUInt16BigEndian(packet[8..]);

    /// <summary>The flags field, for the reply.</summary>
    public ushort Flags => BinaryPrimitives.ReadUInt16BigEndian(packet[10..]);

    /// <summary>Whether the client cannot receive unicast before it has an address.</summary>
    public bool IsBroadcast => (Flags & 0x8000) != 0;

    /// <summary>ciaddr: the address that the client uses.</summary>
    public Ipv4Address ClientAddress => Ipv4Address.FromBytes(packet[12..]);

    /// <summary>yiaddr: the address that the server gives.</summary>
    public Ipv4Address YourAddress => Ipv4Address.FromBytes(packet[16..]);

    /// <summary>siaddr: the next server.</summary>
    public Ipv4Address NextServer => Ipv4Address.FromBytes(packet[20..]);

    /// <summary>giaddr: the relay agent.</summary>
    public Ipv4Address RelayAddress => Ipv4Address.FromBytes(packet[24..]);

    /// <summary>chaddr.</summary>
    public MacAddress ClientMac => MacAddress.FromBytes(packet[28..]);

    /// <summary>sname up to its NUL; empty when it holds options.</summary>
    public ReadOnlySpan<byte> ServerName => (overload & 2) != 0 ? default : UpToNul(packet.Slice(44, 64));

    /// <summary>file up to its NUL; empty when it holds options.</summary>
    public ReadOnlySpan<byte> File => (overload & 1) != 0 ? default : UpToNul(packet.Slice(108, 128));

    /// <summary>Reads a datagram.</summary>
    /// <param name="packet">The whole UDP payload; the message keeps a reference to it.</param>
    /// <param name="message">The view.</param>
    /// <param name="fault">Why it is none.</param>
    public static bool TryParse(ReadOnlySpan<byte> packet, out DhcpMessage message, out DhcpFault fault)
    {
        message = default;
        fault = Check(packet, out var overload, out var type);
        if (fault != DhcpFault.None) return false;
        message = new DhcpMessage(packet, overload, type);
        return true;
    }

    /// <summary>The first occurrence of an option, in the order options, file, sname (RFC 2131, section 4.1).</summary>
    public bool TryGetOption(DhcpOption code, out ReadOnlySpan<byte> value)
    {
        var occurrences = AllOf(code);
        var found = occurrences.MoveNext();
        value = found ? occurrences.Current : default;
        return found;
    }

    /// <summary>Copies an option's value, put together from all its occurrences (RFC 3396, section 7), as far as there is room.</summary>
    /// <returns>Number of bytes; 0 when the option is missing.</returns>
    public int CopyOption(DhcpOption code, Span<byte> destination)
    {
        var length = 0;
        foreach (var value in AllOf(code))
        {
            var part = value[..Math.Min(value.Length, destination.Length - length)];
            part.CopyTo(destination[length..]);
            length += part.Length;
        }
        return length;
    }

    /// <summary>All occurrences of an option, in the order options, file, sname.</summary>
    public Occurrences AllOf(DhcpOption code) => new(packet, overload, code);

    /// <summary>An option of one address; false when it is missing or has not four bytes.</summary>
    public bool TryGetAddress(DhcpOption code, out Ipv4Address address)
    {
        address = default;
        if (!TryGetOption(code, out var value) || value.Length != 4) return false;
        address = Ipv4Address.FromBytes(value);
        return true;
    }

    /// <summary>Whether the client asks for an option; true when it sends no request list.</summary>
    public bool Wants(DhcpOption code)
    {
        var hasList = false;
        foreach (var list in AllOf(DhcpOption.ParameterRequestList))
        {
            if (list.Contains((byte)code)) return true;
            hasList = true;
        }
        return !hasList;
    }

    private static DhcpFault Check(ReadOnlySpan<byte> packet, out byte overload, out DhcpMessageType type)
    {
        overload = 0;
        type = DhcpMessageType.None;
        if (packet.Length < HeaderLength) return DhcpFault.TooShort;
        if (packet[1] != 1 || packet[2] != MacAddress.Length) return DhcpFault.NotEthernet;
        if (BinaryPrimitives.ReadUInt32BigEndian(packet[236..]) != Cookie) return DhcpFault.NoCookie;
        if (!IsWellFormed(packet[HeaderLength..])) return DhcpFault.TruncatedOption;
        if (new DhcpMessage(packet, 0, default).TryGetOption(DhcpOption.Overload, out var value))
        {
            if (value is not [1 or 2 or 3]) return DhcpFault.BadOverload;
            overload = value[0];
        }
        if ((overload & 1) != 0 && !IsWellFormed(packet.Slice(108, 128))) return DhcpFault.TruncatedOption;
        if ((overload & 2) != 0 && !IsWellFormed(packet.Slice(44, 64))) return DhcpFault.TruncatedOption;
        if (!new DhcpMessage(packet, overload, default).TryGetOption(DhcpOption.MessageType, out value)) return DhcpFault.NoMessageType;
        if (value is not [>= (byte)DhcpMessageType.Discover and <= (byte)DhcpMessageType.Inform]) return DhcpFault.NoMessageType;
        type = (DhcpMessageType)value[0];
        return DhcpFault.None;
    }

    private static bool IsWellFormed(ReadOnlySpan<byte> field)
    {
        var options = new DhcpOptionReader(field);
        while (options.MoveNext()) { }
        return !options.IsMalformed;
    }

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field;

    /// <summary>Walks the occurrences of one option.</summary>
    public ref struct Occurrences
    {
        private readonly ReadOnlySpan<byte> packet;
        private readonly DhcpOption code;
        private readonly byte overload;
        private DhcpOptionReader options;
        private int field;

        internal Occurrences(ReadOnlySpan<byte> packet, byte overload, DhcpOption code)
        {
            this.packet = packet;
            this.overload = overload;
            this.code = code;
            options = new DhcpOptionReader(packet[HeaderLength..]);
        }

        /// <summary>The occurrence that <see cref="MoveNext"/> found.</summary>
        public readonly ReadOnlySpan<byte> Current => options.Value;

        /// <summary>For <c>foreach</c>.</summary>
        public readonly Occurrences GetEnumerator() => this;

        /// <summary>Steps to the next occurrence.</summary>
        public bool MoveNext()
        {
            while (true)
            {
                while (options.MoveNext())
                    if (options.Code == code) return true;
                switch (++field)
                {
                    case 1 when (overload & 1) != 0:
                        options = new DhcpOptionReader(packet.Slice(108, 128));
                        break;
                    case 2 when (overload & 2) != 0:
                        options = new DhcpOptionReader(packet.Slice(44, 64));
                        break;
                    case > 2:
                        return false;
                }
            }
        }
    }
}
