using System.Security.Cryptography.X509Certificates;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot;

/// <summary>What a boot server serves, and where.</summary>
public sealed record BootServerOptions
{
    /// <summary>The manifest; may be swapped while serving.</summary>
    public required ManifestSource Manifest { get; init; }

    /// <summary>Interfaces and addresses to serve on (see <see cref="BootEndpoint.Discover"/>).</summary>
    public required IReadOnlyList<BootEndpoint> Endpoints { get; init; }

    /// <summary>The directory that TFTP and HTTP export.</summary>
    public required string ExportDirectory { get; init; }

    /// <summary>The directory of one client, where not all clients get the same files; null for a client that this server has none for, which asks the next server then.</summary>
    public Func<Ipv4Address, ExportDirectory?>? ExportFor { get; init; }

    /// <summary>All boot servers that share the work, this one included: named by boot scripts, ordered by client. Null: only this one, by the address that the client asked.</summary>
    public Func<Manifest, IReadOnlyList<Ipv4Address>>? Servers { get; init; }

    /// <summary>Port of HTTP.</summary>
    public int HttpPort { get; init; } = 80;

    /// <summary>Port of HTTPS; used when there is a <see cref="Certificate"/>.</summary>
    public int HttpsPort { get; init; } = 443;

    /// <summary>Certificate with its key for HTTPS; null: no HTTPS.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Port of TFTP.</summary>
    public int TftpPort { get; init; } = 69;

    /// <summary>Sends each TFTP transfer from a port of its own.</summary>
    public bool TftpPortForEach { get; init; }

    /// <summary>Whether DHCP is served; it always uses port 67.</summary>
    public bool ServesDhcp { get; init; } = true;

    /// <summary>Whether another server gives addresses, and this one adds boot files only (ProxyDHCP).</summary>
    public bool IsProxy { get; init; }

    /// <summary>Addresses for machines that are not in the manifest (the metamaster's mode); null: such machines get no answer.</summary>
    public DiscoveryPool? Discovery { get; init; }

    /// <summary>Documents beside the export directory's files. One at <c>/site.cpio</c> is loaded as second archive by the boot scripts.</summary>
    public IReadOnlyList<BootDocument> Documents { get; init; } = [];

    /// <summary>Paths that take uploads.</summary>
    public IReadOnlyList<BootUpload> Uploads { get; init; } = [];

    /// <summary>Paths that stream something.</summary>
    public IReadOnlyList<BootDownload> Downloads { get; init; } = [];

    /// <summary>Takes one line per event: who got what. Called on one thread of its own.</summary>
    public Action<string> Log { get; init; } = _ => { };
}
