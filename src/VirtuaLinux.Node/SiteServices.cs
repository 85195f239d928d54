using System.Text;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>The boot services of one machine of a site, whether it is a node or still the metamaster: the same documents, the same rules.</summary>
public sealed class SiteServices : IAsyncDisposable
{
    /// <summary>Where the boot volume is mounted in a node's root; <c>export</c> below it is what TFTP and HTTP export.</summary>
    public const string BootVolume = "/usr/lib/virtualinux/boot";

    private readonly SiteIdentity _identity;
    private readonly ManifestSource _source;
    private volatile SanState _state;
    private readonly System.Security.Cryptography.X509Certificates.X509Certificate2 _certificate;

    /// <summary>Prepares the services of <paramref name="self"/>.</summary>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="manifest">Its manifest, checked.</param>
    /// <param name="self">This machine.</param>
    /// <param name="export">The export directory of this machine's own image.</param>
    /// <param name="status">What <c>/status</c> says.</param>
    /// <param name="servers">Addresses of the boot servers that are alive.</param>
    /// <param name="log">Takes one line an event.</param>
    /// <param name="images">The export directories of a site's images, where it has several; null for one that is not there.</param>
    /// <param name="discovery">Lends addresses to machines that are not in the site; null on a node.</param>
    /// <param name="uploads">Paths that take uploads.</param>
    public SiteServices(SanState state, Manifest manifest, ManifestNode self, string export, Func<NodeStatus> status, Func<IReadOnlyList<Ipv4Address>> servers, Action<string> log, Func<ImageVersion, ExportDirectory?>? images = null, DiscoveryPool? discovery = null, params IReadOnlyList<BootUpload> uploads)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(self);
        _state = state;
        _source = new ManifestSource(manifest);
        _identity = SiteIdentity.FromPem(state.CaCertificate, state.CaKey);
        var own = new ExportDirectory(export);
        _certificate = _identity.IssueServer(self.Name, [$"{self.Name}.{manifest.ClusterNetwork.Domain ?? manifest.Name}"], self.Interfaces.Values.Select(i => i.Ip));
        var archive = new MemoryStream();
        new CpioArchive(0).AddFile(Initrd.NodeBoot.CertificatePath, Encoding.ASCII.GetBytes(state.CaCertificate)).WriteTo(archive);
        Server = new BootServer(new BootServerOptions
        {
            Manifest = _source,
            Endpoints = BootEndpoint.Discover(manifest),
            ExportDirectory = export,
            // A machine that is no node waits with this one's.
            ExportFor = address => images is not null && _source.Map is var map && map.Find(address) is { } host ? images(map.Manifest.ImageOf(host.Node)) : own,
            Servers = _ => servers(),
            Certificate = _certificate,
            Discovery = discovery,
            Uploads = uploads,
            Downloads = Directory.Exists(LocalFolder) ? [LocalFiles(address => _source.Map.Find(address) is not null, LocalFolder, log)] : [],
            Log = log,
            Documents =
            [
                Document("/manifest.json", "application/json", _ => _state.SignedManifest),
                Document("/site.cpio", "application/octet-stream", _ => archive.ToArray()),
                Document("/status", "application/json", _ => JsonSerializer.SerializeToUtf8Bytes(status(), ModelJson.Default.NodeStatus)) with { Quiet = true },
                ChapSecret(address => _source.Map.Find(address) is not null, () => _state.ChapSecret, log),
            ],
        });
    }

    /// <summary>The servers.</summary>
    public BootServer Server { get; }

    /// <summary>The highest serial number of a manifest that was heard of.</summary>
    public long Newest => _source.Newest;

    /// <summary>Somebody has this manifest: until this machine has it, it answers no DHCP request.</summary>
    public void Heard(long serial) => _source.Newest = serial;

    /// <summary>Serves a later state of the site from the next packet on; transfers go on.</summary>
    public void Update(SanState state, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(state);
        _state = state;
        _source.Current = manifest;
        Server.Discoveries.Forget(_source.Map);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().ConfigureAwait(false);
        _certificate.Dispose();
        _identity.Dispose();
    }

    /// <summary>The CHAP secret, for root of a machine of the site alone: other processes there can use the machine's address, but none of the ports below 1024.</summary>
    internal static BootDocument ChapSecret(Func<Ipv4Address, bool> isMember, Func<string?> secret, Action<string> log)
    {
        byte[]? Render(ClientEndpoint client)
        {
            if (!isMember(client.Address)) return null;
            if (client.IsPrivileged) return secret() is { } text ? Encoding.UTF8.GetBytes(text) : null;
            log($"/secret/chap refused to {client}: it asks from a port that any program may use, and the initrd from one below {ClientEndpoint.LastPrivilegedPort + 1}");
            return null;
        }
        return Document("/secret/chap", "text/plain", Render) with { SecureOnly = true };
    }

    /// <summary>Where a node gives the files of its <c>local</c> volume to the one that makes a backup.</summary>
    public const string LocalPath = "/backup/local";

    // A metamaster has none.
    private const string LocalFolder = "/local";

    /// <summary>The files of this node's <c>local</c> volume, for root of a machine of the site: with the CHAP secret, which it may have too, it could read them from the SAN.</summary>
    internal static BootDownload LocalFiles(Func<Ipv4Address, bool> isMember, string folder, Action<string> log) => new()
    {
        Path = LocalPath,
        Allows = client => isMember(client.Address) && client.IsPrivileged,
        WriteAsync = (stream, cancellationToken) => VolumeArchive.WriteAsync(new CommandRunner(log), folder, stream, cancellationToken),
    };

    private static BootDocument Document(string path, string type, Func<ClientEndpoint, byte[]?> render) =>
        new() { Path = path, ContentType = type, Render = render };
}
