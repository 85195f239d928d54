using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>An IPv4 subnet in CIDR notation, such as <c>192.168.77.0/24</c>; the address part is the network's own.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Ipv4Subnet>))]
[TextForm(@"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$", "192.168.77.0/24")]
public readonly record struct Ipv4Subnet(Ipv4Address Network, int PrefixLength) : IParsable<Ipv4Subnet>
{
    /// <summary>The subnet mask.</summary>
    public Ipv4Address Mask => new(PrefixLength == 0 ? 0 : uint.MaxValue << (32 - PrefixLength));

    /// <summary>The directed broadcast address.</summary>
    public Ipv4Address BroadcastAddress => new(Network.Value | ~Mask.Value);

    /// <summary>Whether the address lies in the subnet, its network and broadcast addresses included.</summary>
    public bool Contains(Ipv4Address address) => (address.Value & Mask.Value) == Network.Value;

    /// <summary>Whether a host may carry the address: inside, and neither network nor broadcast address.</summary>
    public bool IsHost(Ipv4Address address) => Contains(address) && (PrefixLength > 30 || address != Network && address != BroadcastAddress);

    /// <summary>Parses <c>a.b.c.d/n</c> with n from 0 to 32 and no bits set behind the prefix.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Ipv4Subnet result)
    {
        result = default;
        var slash = s?.IndexOf('/') ?? -1;
        if (slash < 0 || !Ipv4Address.TryParse(s![..slash], provider, out var network)) return false;
        if (!int.TryParse(s.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var prefix) || prefix > 32) return false;
        result = new Ipv4Subnet(network, prefix);
        return (network.Value & ~result.Mask.Value) == 0;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not a subnet.</exception>
    public static Ipv4Subnet Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var subnet) ? subnet : throw new FormatException($"'{s}' is not an IPv4 subnet; write it as 192.168.77.0/24, with zeros behind the prefix");

    /// <inheritdoc/>
    public override string ToString() => $"{Network}/{PrefixLength}";
}
