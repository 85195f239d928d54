using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>A 48-bit IEEE 802 MAC address; its text form is <c>52:54:00:77:00:01</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<MacAddress>))]
[TextForm(@"^([0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12})$", "52:54:00:77:00:01")]
public readonly record struct MacAddress(ulong Value) : ISpanParsable<MacAddress>
{
    /// <summary>Length on the wire, in bytes.</summary>
    public const int Length = 6;

    /// <summary>Reads the address from the first six bytes of <paramref name="bytes"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than six bytes.</exception>
    public static MacAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes.Length, Length);
        ulong value = 0;
        for (var i = 0; i < Length; i++) value = value << 8 | bytes[i];
        return new MacAddress(value);
    }

    /// <summary>Writes the six bytes in network order.</summary>
    public void WriteTo(Span<byte> destination)
    {
        for (var i = 0; i < Length; i++) destination[i] = (byte)(Value >> (8 * (Length - 1 - i)));
    }

    /// <summary>Parses six pairs of hexadecimal digits, separated by <c>:</c> or <c>-</c>, or twelve digits alone.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out MacAddress result)
    {
        result = default;
        var separated = s.Length == 17;
        if (!separated && s.Length != 12) return false;
        ulong value = 0;
        for (var i = 0; i < Length; i++)
        {
            var at = i * (separated ? 3 : 2);
            if (separated && i > 0 && s[at - 1] is not (':' or '-')) return false;
            if (!byte.TryParse(s.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b)) return false;
            value = value << 8 | b;
        }
        result = new MacAddress(value);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out MacAddress)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out MacAddress result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out MacAddress)"/>
    public static MacAddress Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out MacAddress)"/>
    /// <exception cref="FormatException">Not a MAC address.</exception>
    public static MacAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        TryParse(s, provider, out var mac) ? mac : throw new FormatException($"'{s}' is not a MAC address; write it as 52:54:00:77:00:01");

    /// <inheritdoc/>
    public override string ToString() => string.Create(17, Value, static (span, value) =>
    {
        const string hex = "0123456789abcdef";
        for (var i = 0; i < Length; i++)
        {
            var b = (byte)(value >> (8 * (Length - 1 - i)));
            span[i * 3] = hex[b >> 4];
            span[i * 3 + 1] = hex[b & 15];
            if (i < Length - 1) span[i * 3 + 2] = ':';
        }
    });
}
