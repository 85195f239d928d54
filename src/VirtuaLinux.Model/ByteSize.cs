using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>A size in bytes, written with the binary units of IEC 80000-13: <c>512MiB</c>, <c>8GiB</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<ByteSize>))]
[TextForm(@"^[0-9]+$|^[0-9]*\.?[0-9]+ ?([KkMmGgTtPp][Ii])?[Bb]$", "8GiB")]
public readonly record struct ByteSize(long Bytes) : IParsable<ByteSize>, IComparable<ByteSize>
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>A number of mebibytes.</summary>
    public static ByteSize FromMiB(long mebibytes) => new(mebibytes << 20);

    /// <summary>A number of gibibytes.</summary>
    public static ByteSize FromGiB(long gibibytes) => new(gibibytes << 30);

    /// <summary>Parses a number with an optional binary unit, one blank between them at most; a fraction is allowed before a unit.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ByteSize result)
    {
        result = default;
        if (string.IsNullOrWhiteSpace(s)) return false;
        var digits = 0;
        while (digits < s.Length && (char.IsAsciiDigit(s[digits]) || s[digits] == '.')) digits++;
        var suffix = s[digits..];
        if (suffix.StartsWith(' ')) suffix = suffix[1..];
        var unit = Array.FindIndex(Units, u => u.Equals(suffix, StringComparison.OrdinalIgnoreCase));
        if (digits == s.Length && !s.Contains('.')) unit = 0;
        if (unit < 0 || digits == 0 || s[digits - 1] == '.' || !decimal.TryParse(s.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
        if (number > long.MaxValue >> (10 * unit)) return false;
        result = new ByteSize((long)(number * (1L << (10 * unit))));
        return true;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not a size.</exception>
    public static ByteSize Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var size) ? size : throw new FormatException($"'{s}' is not a size; write it as 512MiB or 8GiB");

    /// <inheritdoc/>
    public int CompareTo(ByteSize other) => Bytes.CompareTo(other.Bytes);

    /// <summary>Order by bytes.</summary>
    public static bool operator <(ByteSize left, ByteSize right) => left.Bytes < right.Bytes;

    /// <summary>Order by bytes.</summary>
    public static bool operator >(ByteSize left, ByteSize right) => left.Bytes > right.Bytes;

    /// <summary>Order by bytes.</summary>
    public static bool operator <=(ByteSize left, ByteSize right) => left.Bytes <= right.Bytes;

    /// <summary>Order by bytes.</summary>
    public static bool operator >=(ByteSize left, ByteSize right) => left.Bytes >= right.Bytes;

    /// <summary>The exact value in the largest unit that divides it, so that parsing gives it back.</summary>
    public override string ToString()
    {
        var unit = 0;
        var value = Bytes;
        while (value != 0 && unit < Units.Length - 1 && value % 1024 == 0)
        {
            value /= 1024;
            unit++;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{value}{Units[unit]}");
    }

    /// <summary>A rounded form for people: <c>1.2 GiB</c>.</summary>
    public string ToRoundedString()
    {
        var unit = 0;
        double value = Bytes;
        while (Math.Abs(value) >= 1024 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 ? value.ToString("0", CultureInfo.InvariantCulture) : value.ToString("0.0", CultureInfo.InvariantCulture))} {Units[unit]}");
    }
}
