using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>A range of IPv4 addresses, both ends included: <c>192.168.77.200-192.168.77.250</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Ipv4Range>))]
[TextForm(@"^[0-9.]{7,15} *- *[0-9.]{7,15}$", "192.168.77.200-192.168.77.250")]
public readonly record struct Ipv4Range(Ipv4Address First, Ipv4Address Last) : IParsable<Ipv4Range>
{
    /// <summary>Number of addresses.</summary>
    public long Count => (long)Last.Value - First.Value + 1;

    /// <summary>Whether the address lies in the range.</summary>
    public bool Contains(Ipv4Address address) => address >= First && address <= Last;

    /// <summary>Parses two addresses with a hyphen between them, the first not above the last.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Ipv4Range result)
    {
        result = default;
        var hyphen = s?.IndexOf('-') ?? -1;
        if (hyphen < 0) return false;
        if (!Ipv4Address.TryParse(s![..hyphen].TrimEnd(' '), provider, out var first) || !Ipv4Address.TryParse(s[(hyphen + 1)..].TrimStart(' '), provider, out var last)) return false;
        result = new Ipv4Range(first, last);
        return first <= last;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not a range.</exception>
    public static Ipv4Range Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var range) ? range : throw new FormatException($"'{s}' is not an address range; write it as 192.168.77.200-192.168.77.250");

    /// <inheritdoc/>
    public override string ToString() => $"{First}-{Last}";
}
