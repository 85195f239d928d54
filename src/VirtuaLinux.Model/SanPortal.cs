using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>Where a SAN listens, such as <c>192.168.77.1:3260</c>: an iSCSI network portal (RFC 7143, section 3), or a port of an NVMe subsystem.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Port">TCP port; 0 where the text gives none, for that of the SAN's transport (<see cref="SiteSan.Portals"/>).</param>
[JsonConverter(typeof(ParsableJsonConverter<SanPortal>))]
[TextForm(@"^[0-9]{1,3}(\.[0-9]{1,3}){3}(:[0-9]{1,5})?$", "192.168.77.1:3260")]
public readonly record struct SanPortal(Ipv4Address Address, int Port) : IParsable<SanPortal>
{
    /// <summary>The registered port of iSCSI.</summary>
    public const int IscsiPort = 3260;

    /// <summary>The registered port of NVMe/TCP.</summary>
    public const int NvmePort = 4420;

    /// <summary>Parses an address with an optional port.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SanPortal result)
    {
        result = default;
        if (s is null) return false;
        var colon = s.IndexOf(':');
        var port = 0;
        if (colon >= 0 && (!int.TryParse(s.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)) return false;
        if (!Ipv4Address.TryParse(colon < 0 ? s : s[..colon], provider, out var address)) return false;
        result = new SanPortal(address, port);
        return true;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not a portal.</exception>
    public static SanPortal Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var portal) ? portal : throw new FormatException($"'{s}' is not a portal; write it as 192.168.77.1:3260");

    /// <inheritdoc/>
    public override string ToString() => Port == 0 ? Address.ToString() : string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");
}
