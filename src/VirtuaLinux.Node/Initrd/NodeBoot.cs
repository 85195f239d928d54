using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Initrd;

/// <summary>The initrd's work on a node that was started over the network: DESIGN section 5, step 4.</summary>
public sealed class NodeBoot(ICommandRunner runner, Action<string> log)
{
    /// <summary>The site's CA certificate, from the second archive that the boot script loads.</summary>
    public const string CertificatePath = SiteFolder + "/site-ca.pem";

    /// <summary>Where the second archive's files are.</summary>
    internal const string SiteFolder = "/etc/virtualinux";

    /// <summary>From an initrd with drivers to a root that switch_root(8) can take.</summary>
    /// <exception cref="FailureException">What is missing, and what to do.</exception>
    public async Task RunAsync(BootParameters parameters, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var coldplug = new Coldplug(runner);
        await coldplug.LoadAsync(cancellationToken).ConfigureAwait(false);
        var mac = parameters.Mac!.Value;
        var network = new NetworkLink(runner, coldplug);
        await network.UpAsync(mac, parameters.Ip!.Value, parameters.Subnet!.Value, parameters.Gateway, cancellationToken).ConfigureAwait(false);
        log($"network: {parameters.Ip} on {mac}");
        if (parameters.Mode == BootMode.Hold)
        {
            await new HoldingClient(log).RunAsync(parameters, cancellationToken).ConfigureAwait(false);
            throw new FailureException("no boot server listens any more; this machine boots again to see whether it is in the site now");
        }
        if (!File.Exists(CertificatePath)) throw new FailureException($"{CertificatePath} is missing: the boot script did not load site.cpio");
        using var certificate = SiteCertificate.FromPem(await File.ReadAllTextAsync(CertificatePath, cancellationToken).ConfigureAwait(false));
        using var client = new BootClient(certificate, log);
        var (manifest, server) = await client.FetchManifestAsync(parameters.Servers, cancellationToken).ConfigureAwait(false);
        log($"manifest {manifest.Serial} of site {manifest.Name} from {server}");
        var san = manifest.San ?? throw new FailureException($"site {manifest.Name} has no SAN; add san: to the site file");
        var node = manifest.FindNode(mac) ?? throw new FailureException($"{mac} is not in the manifest of site {manifest.Name}");
        await network.UpAllAsync(node, manifest.Networks, log, cancellationToken).ConfigureAwait(false);
        var secret = san.Chap is null ? null : await client.FetchSecretAsync(parameters.Servers, cancellationToken).ConfigureAwait(false);
        var transport = ISanTransport.Of(runner, san);
        var disk = await transport.LoginAsync(transport.NameOf(manifest.Name, node.Name, node.Cluster.Mac), secret, cancellationToken).ConfigureAwait(false);
        log($"SAN: {disk} {SiteLun.WwidOf(disk)}");
        // The copy on the SAN rules: it may be newer than the server's, never older.
        var (state, ruling) = ReadSite(disk, certificate);
        var own = ruling.FindNode(mac) ?? throw new FailureException($"{mac} is no longer in the manifest on the SAN (serial {ruling.Serial})");
        await new RootAssembly(runner, log).RunAsync(disk, state, ruling, own, "network", server, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the site's state from the LUN, and the manifest in it, whose signature it checks.</summary>
    /// <exception cref="FailureException">There is no site, or its manifest is not its own.</exception>
    public static (SanState State, Manifest Manifest) ReadSite(string disk)
    {
        using var certificate = SiteCertificate.FromPem(ReadState(disk).CaCertificate);
        return ReadSite(disk, certificate);
    }

    /// <summary>Reads the site's state from the LUN, and the manifest in it, which must be of the site whose certificate the caller has.</summary>
    /// <exception cref="FailureException">There is no site, or its manifest is another's.</exception>
    public static (SanState State, Manifest Manifest) ReadSite(string disk, SiteCertificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var state = ReadState(disk);
        return SignedManifest.TryRead(state.SignedManifest, certificate.PublicKey, out var manifest, out var reason)
            ? (state, manifest)
            : throw new FailureException($"{disk}: the manifest on the SAN is refused: {reason}");
    }

    /// <summary>Reads the site's state from the LUN.</summary>
    /// <exception cref="FailureException">There is none.</exception>
    public static SanState ReadState(string disk)
    {
        using var journal = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: false);
        return SanState.Read(journal) ?? throw new FailureException($"{disk} carries no finished site; install it first");
    }
}
