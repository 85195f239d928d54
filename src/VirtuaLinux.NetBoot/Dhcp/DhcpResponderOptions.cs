using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What a responder answers from.</summary>
public sealed record DhcpResponderOptions
{
    /// <summary>This server's address: server identifier, next server, host of its URLs.</summary>
    public required Ipv4Address Address { get; init; }

    /// <summary>The static map.</summary>
    public required ManifestSource Manifest { get; init; }

    /// <summary>All boot servers, this one included.</summary>
    public required Func<Manifest, IReadOnlyList<Ipv4Address>> Servers { get; init; }

    /// <summary>Port of HTTP, for URLs.</summary>
    public int HttpPort { get; init; } = 80;

    /// <summary>Addresses for machines that are not in the manifest; null: they get no answer.</summary>
    public DiscoveryPool? Discovery { get; init; }
}
