using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>An IPv4 address in host byte order: a value that costs no allocation on the packet path.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Ipv4Address>))]
[TextForm(@"^[0-9]{1,3}(\.[0-9]{1,3}){3}$", "192.168.77.11")]
public readonly record struct Ipv4Address(uint Value) : IParsable<Ipv4Address>, IComparable<Ipv4Address>
{
    /// <summary>0.0.0.0.</summary>
    public static Ipv4Address Any => default;

    /// <summary>255.255.255.255.</summary>
    public static Ipv4Address Broadcast => new(uint.MaxValue);

    /// <summary>Parses exactly four decimal numbers with dots; no shorter, octal or hexadecimal forms.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Ipv4Address result)
    {
        result = default;
        if (s is null) return false;
        uint value = 0;
        var parts = 0;
        foreach (var range in s.AsSpan().Split('.'))
        {
            var part = s.AsSpan()[range];
            if (++parts > 4 || part.Length > 1 && part[0] == '0') return false;
            if (!byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var b)) return false;
            value = value << 8 | b;
        }
        result = new Ipv4Address(value);
        return parts == 4;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not an IPv4 address.</exception>
    public static Ipv4Address Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var address) ? address : throw new FormatException($"'{s}' is not an IPv4 address; write it as 192.168.77.11");

    /// <summary>Takes over an address of the framework.</summary>
    /// <exception cref="ArgumentException">An IPv6 address that is not IPv4-mapped.</exception>
    public static Ipv4Address From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var v4 = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        Span<byte> bytes = stackalloc byte[4];
        if (!v4.TryWriteBytes(bytes, out var written) || written != 4) throw new ArgumentException($"{address} is not IPv4", nameof(address));
        return FromBytes(bytes);
    }

    /// <summary>Reads four bytes in network order.</summary>
    public static Ipv4Address FromBytes(ReadOnlySpan<byte> bytes) => new(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>Writes four bytes in network order.</summary>
    public void WriteTo(Span<byte> destination) => System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(destination, Value);

    /// <summary>The framework's form, for sockets.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[4];
        WriteTo(bytes);
        return new IPAddress(bytes);
    }

    /// <inheritdoc/>
    public int CompareTo(Ipv4Address other) => Value.CompareTo(other.Value);

    /// <summary>Order by number.</summary>
    public static bool operator <(Ipv4Address left, Ipv4Address right) => left.Value < right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator >(Ipv4Address left, Ipv4Address right) => left.Value > right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator <=(Ipv4Address left, Ipv4Address right) => left.Value <= right.Value;

    /// <summary>Order by number.</summary>
    public static bool operator >=(Ipv4Address left, Ipv4Address right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value >> 24}.{Value >> 16 & 255}.{Value >> 8 & 255}.{Value & 255}");
}
