using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What a responder answers from.</summary>
public sealed record DhcpResponderOptions
{
    /// <summary>This server's address: server identifier, next server, host of its URLs.</summary>
    public required Ipv4Address Address { get; init; }

    /// <summary>The static map.</summary>
    public required ManifestSource Manifest { get; init; }

    /// <summary>All boot servers, this one included. Asked for each packet, so it must not make a new list each time.</summary>
    public required Func<Manifest, IReadOnlyList<Ipv4Address>> Servers { get; init; }

    /// <summary>The loaders that can be had.</summary>
    public required BootLoaders Loaders { get; init; }

    /// <summary>Port of HTTP, for URLs.</summary>
    public int HttpPort { get; init; } = 80;

    /// <summary>Addresses for machines that are not in the manifest; null: they get no answer.</summary>
    public DiscoveryPool? Discovery { get; init; }

    /// <summary>Machines that were seen and are not in the manifest.</summary>
    public Discoveries Discoveries { get; init; } = new();

    /// <summary>Adds boot files to the answers of another server, which gives addresses (ProxyDHCP; PXE 2.1, section 2.2.3).</summary>
    public bool IsProxy { get; init; }
}
