using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>A whole percentage from 0 to 100: <c>10%</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Percentage>))]
[TextForm(@"^[0-9]{1,3}%$", "10%")]
public readonly record struct Percentage(int Value) : IParsable<Percentage>
{
    /// <summary>Parses a whole number and the percent sign.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Percentage result)
    {
        result = default;
        if (s is not [.. var digits, '%'] || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        result = new Percentage(value);
        return value <= 100;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not a percentage.</exception>
    public static Percentage Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var percentage) ? percentage : throw new FormatException($"'{s}' is not a percentage; write it as 10%");

    /// <summary>The share of <paramref name="amount"/>, rounded down.</summary>
    public long Of(long amount) => (long)((Int128)amount * Value / 100);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value}%");
}
