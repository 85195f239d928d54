using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Initrd;

/// <summary>The initrd's work on a machine whose firmware booted the LUN: nobody serves it, so all that it knows is in the archive beside the initrd. DESIGN section 5, cold start.</summary>
public sealed class StarterBoot(ICommandRunner runner, Action<string> log)
{
    /// <summary>The signed manifest, from the archive.</summary>
    public const string ManifestPath = NodeBoot.SiteFolder + "/manifest.json";

    /// <summary>The CHAP secret, from the archive.</summary>
    public const string SecretPath = NodeBoot.SiteFolder + "/chap.secret";

    /// <summary>The kernel argument of a machine that another kernel started: it does not start yet another one.</summary>
    private const string Restarted = "virtualinux.kexec";

    private static readonly TimeSpan CardsDeadline = TimeSpan.FromMinutes(1);

    /// <summary>What a machine must know that no server tells it.</summary>
    public static byte[] Archive(SanState state)
    {
        var archive = new CpioArchive(0)
            .AddFile(NodeBoot.CertificatePath, Encoding.ASCII.GetBytes(state.CaCertificate))
            .AddFile(ManifestPath, state.SignedManifest);
        if (state.ChapSecret is { } secret) archive.AddSecretFile(SecretPath, Encoding.UTF8.GetBytes(secret));
        using var written = new MemoryStream();
        archive.WriteTo(written);
        return written.ToArray();
    }

    /// <summary>Starts the kernel of the image that a node shall run, as that node: an old medium, or the starter while a rollout is under way, brought another one.</summary>
    /// <param name="volumes">The site's volumes.</param>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="manifest">Its manifest, checked.</param>
    /// <param name="image">The image.</param>
    /// <param name="cancellationToken">Ends it before the start.</param>
    /// <exception cref="FailureException">This kernel was started so already, or refuses.</exception>
    public async Task SwitchKernelAsync(NodeVolumes volumes, SanState state, Manifest manifest, ImageInfo image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(image);
        const string mount = "/run/virtualinux/kernel", archive = "/run/virtualinux/kernel.img";
        var now = KernelArguments.OfThisMachine();
        if (now.Has(Restarted)) throw new FailureException($"the boot volume of {image.Image} has another kernel than {image.KernelRelease}; restore the SAN from its backup, or go back to another image");
        var boot = await volumes.MapAsync(NodeVolumes.BootName(image.Image), "vl-kernel", readOnly: true, cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(mount);
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "squashfs", "-o", "ro", boot, mount), cancellationToken).ConfigureAwait(false);
        await using (var both = File.Create(archive))
        {
            await using (var initrd = File.OpenRead($"{mount}/export/initrd.img")) await initrd.CopyToAsync(both, cancellationToken).ConfigureAwait(false);
            // An archive begins at a multiple of four (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
            await both.WriteAsync(new byte[(4 - both.Length % 4) % 4], cancellationToken).ConfigureAwait(false);
            await both.WriteAsync(Archive(state), cancellationToken).ConfigureAwait(false);
        }
        log($"starting the kernel {image.KernelRelease} of {image.Image}");
        KernelStart.Now($"{mount}/export/vmlinuz", archive, string.Join(' ', now.Words.Where(w => w.StartsWith("console=", StringComparison.Ordinal)).Append($"virtualinux.mode=starter {Restarted} {manifest.KernelArguments}")));
    }

    /// <summary>From an initrd with drivers to a root that switch_root(8) can take.</summary>
    /// <exception cref="FailureException">What is missing, and what to do.</exception>
    public async Task RunAsync(CancellationToken cancellationToken = default)
    {
        var coldplug = new Coldplug(runner);
        await coldplug.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (!File.Exists(NodeBoot.CertificatePath)) throw new FailureException($"{NodeBoot.CertificatePath} is missing: the loader did not load site.cpio");
        using var certificate = SiteCertificate.FromPem(await File.ReadAllTextAsync(NodeBoot.CertificatePath, cancellationToken).ConfigureAwait(false));
        if (!SignedManifest.TryRead(await File.ReadAllBytesAsync(ManifestPath, cancellationToken).ConfigureAwait(false), certificate.PublicKey, out var manifest, out var reason))
            throw new FailureException($"the starter's manifest is refused: {reason}");
        var node = await FindSelfAsync(manifest, coldplug, cancellationToken).ConfigureAwait(false);
        log($"this machine is {node.Name} of site {manifest.Name} (starter, manifest {manifest.Serial})");
        await new NetworkLink(runner, coldplug).UpAllAsync(node, manifest.Networks, log, cancellationToken).ConfigureAwait(false);
        var san = manifest.San ?? throw new FailureException($"site {manifest.Name} has no SAN; add san: to the site file");
        var secret = san.Chap is null ? null : await File.ReadAllTextAsync(SecretPath, cancellationToken).ConfigureAwait(false);
        var transport = ISanTransport.Of(runner, san);
        var disk = await transport.LoginAsync(transport.NameOf(manifest.Name, node.Name, node.Cluster.Mac), secret, cancellationToken).ConfigureAwait(false);
        log($"SAN: {disk} {SiteLun.WwidOf(disk)}");
        // The copy beside the journal rules: the starter may have been written before it.
        var (state, ruling) = NodeBoot.ReadSite(disk, certificate);
        var own = ruling.FindNode(node.Cluster.Mac) ?? throw new FailureException($"{node.Cluster.Mac} is no longer in the manifest on the SAN (serial {ruling.Serial})");
        await new RootAssembly(runner, log).RunAsync(disk, state, ruling, own, "starter", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Drivers find their cards in their own time.</summary>
    private static async Task<ManifestNode> FindSelfAsync(Manifest manifest, Coldplug coldplug, CancellationToken cancellationToken)
    {
        for (var deadline = DateTime.UtcNow + CardsDeadline; ; await Task.Delay(250, cancellationToken).ConfigureAwait(false))
        {
            if (NetworkLink.Interfaces().Values.Select(manifest.FindNode).FirstOrDefault(n => n is not null) is { } node) return node;
            if (DateTime.UtcNow > deadline) throw new FailureException($"no card of this machine is in the manifest of site {manifest.Name}; it has {NetworkLink.Describe()}. Add it with the installer's medium; if a card is missing here, its driver is not in the image");
            await coldplug.LoadNewAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
