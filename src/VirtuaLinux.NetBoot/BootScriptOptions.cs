using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot;

/// <summary>What boot scripts are rendered from.</summary>
public sealed record BootScriptOptions
{
    /// <summary>The static map.</summary>
    public required ManifestSource Manifest { get; init; }

    /// <summary>All boot servers.</summary>
    public required Func<Manifest, IReadOnlyList<Ipv4Address>> Servers { get; init; }

    /// <summary>Port of HTTP on all of them.</summary>
    public int HttpPort { get; init; } = 80;

    /// <summary>Machines that are not in the manifest get the holding script; null: none.</summary>
    public DiscoveryPool? Discovery { get; init; }

    /// <summary>Whether a second archive, <c>/site.cpio</c>, is loaded after the initrd.</summary>
    public bool HasSiteArchive { get; init; }
}
