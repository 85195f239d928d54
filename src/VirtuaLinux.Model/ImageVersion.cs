using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>Names one immutable image: <c>debian-13@2026.11.23-1</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<ImageVersion>))]
[TextForm(@"^[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9.-]*$", "debian-13@2026.11.23-1")]
public readonly record struct ImageVersion(string Name, string Version) : IParsable<ImageVersion>
{
    /// <summary>Parses <c>name@version</c>, both made of letters, digits, dots and hyphens, and starting with a letter or digit.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ImageVersion result)
    {
        result = default;
        var at = s?.IndexOf('@') ?? -1;
        if (at < 1 || at == s!.Length - 1) return false;
        result = new ImageVersion(s[..at], s[(at + 1)..]);
        return IsToken(result.Name) && IsToken(result.Version);
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not an image version.</exception>
    public static ImageVersion Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var version) ? version : throw new FormatException($"'{s}' is not an image version; write it as debian-13@2026.11.23-1");

    /// <summary>The form that names of LVM volumes allow: <c>debian-13_2026.11.23-1</c> (lvm(8), VALID NAMES).</summary>
    public string ToVolumeName() => $"{Name}_{Version}";

    /// <inheritdoc/>
    public override string ToString() => $"{Name}@{Version}";

    private static bool IsToken(string s) => char.IsAsciiLetterOrDigit(s[0]) && s.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-');
}
