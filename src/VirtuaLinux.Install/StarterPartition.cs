using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The EFI partition of the LUN: firmware that boots the LUN starts its machine as the node that it is, and that node the others. DESIGN section 5, cold start.</summary>
/// <remarks>
/// The CHAP secret lies here in the clear. Whoever reads this partition is logged in to the SAN, so has the secret already, and can read <see cref="SanState"/> beside it.
/// </remarks>
/// <param name="runner">Runs programs.</param>
/// <param name="disk">The LUN.</param>
/// <param name="log">Takes what was damaged and is made anew.</param>
public sealed class StarterPartition(ICommandRunner runner, string disk, Action<string> log)
{
    private const string Template = "templates/starter/grub.cfg.sbn";
    private const string Mount = "/run/virtualinux/starter";
    private const string BootMount = "/run/virtualinux/starter-boot";
    private const string BootDevice = "vl-starter";

    private readonly string _partition = SanLayout.Partition(disk, 1);

    /// <summary>Brings the partition to what the site needs, and reads it back. What is right already stays, and each other file is replaced as a whole, so that the starter of an older manifest works until that of the next one does.</summary>
    /// <param name="state">The site as the SAN keeps it, or will keep it next.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="FailureException">What could not be written.</exception>
    public async Task WriteAsync(SanState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        if (!SignedManifest.TryRead(state.SignedManifest, certificate.PublicKey, out var manifest, out var reason)) throw new FailureException($"{disk}: the manifest on the SAN is refused: {reason}");
        // The site's own boot volume and not the medium's: a technician may change a site with the medium of another image.
        var luns = await SiteLun.AttachAsync(ISanTransport.Of(runner, manifest.San!), disk, state, cancellationToken).ConfigureAwait(false);
        var lvm = new LvmTools(runner, [.. luns.Select(l => l.Partition)]);
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{disk} has no volume group {LvmTools.GroupName}");
        var volumes = new NodeVolumes(runner, group, lvm.DevicesOf(group));
        var boot = await volumes.MapAsync(NodeVolumes.BootName(manifest.Image), BootDevice, readOnly: true, cancellationToken).ConfigureAwait(false);
        await MountAsync("squashfs", "ro", boot, BootMount, cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteFilesAsync(Files(state, manifest), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await RunAsync(ExternalCommand.Of("umount", BootMount), CancellationToken.None).ConfigureAwait(false);
            await volumes.UnmapAsync(BootDevice, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Where each file goes, and what is in it.</summary>
    private static List<(string Path, Func<Stream> Open)> Files(SanState state, Manifest manifest)
    {
        List<(string, Func<Stream>)> files =
        [
            .. Directory.EnumerateFiles($"{BootMount}/starter", "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Select(f => (Path.GetRelativePath($"{BootMount}/starter", f), (Func<Stream>)(() => File.OpenRead(f)))),
            .. ((string[])["vmlinuz", "initrd.img"]).Select(f => (f, (Func<Stream>)(() => File.OpenRead($"{BootMount}/export/{f}")))),
        ];
        var menu = Encoding.UTF8.GetBytes(Menu(manifest));
        var archive = StarterBoot.Archive(state);
        files.Add(("boot/grub/grub.cfg", () => new MemoryStream(menu)));
        files.Add(("site.cpio", () => new MemoryStream(archive)));
        return files;
    }

    /// <summary>What GRUB does.</summary>
    public static string Menu(Manifest manifest) => TemplateRenderer.Render(Template, File.ReadAllText(ProductFiles.Locate(Template)), new Dictionary<string, object?>
    {
        ["site"] = manifest.Name,
        ["kernel_arguments"] = manifest.KernelArguments,
    });

    private async Task WriteFilesAsync(IReadOnlyList<(string Path, Func<Stream> Open)> files, CancellationToken cancellationToken)
    {
        if (await LabelAsync(cancellationToken).ConfigureAwait(false) == SanLayout.PartitionNames[0])
        {
            try
            {
                await FillAsync(files, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is FailureException or IOException)
            {
                // A power cut may have damaged the file system, which has no journal: it is made anew then.
                log($"{_partition}: {e.Message}");
            }
        }
        await RunAsync(ExternalCommand.Of("umount", Mount).Accepting(), cancellationToken).ConfigureAwait(false);
        await RunAsync(ExternalCommand.Of("mkfs.vfat", "-F", "32", "-n", SanLayout.PartitionNames[0], _partition), cancellationToken).ConfigureAwait(false);
        await FillAsync(files, cancellationToken).ConfigureAwait(false);
    }

    private async Task FillAsync(IReadOnlyList<(string Path, Func<Stream> Open)> files, CancellationToken cancellationToken)
    {
        // An earlier try may have left it mounted.
        await RunAsync(ExternalCommand.Of("umount", Mount).Accepting(), cancellationToken).ConfigureAwait(false);
        await MountAsync("vfat", "rw", _partition, Mount, cancellationToken).ConfigureAwait(false);
        foreach (var (path, open) in files)
            if (!await IsOnPartitionAsync(path, open, cancellationToken).ConfigureAwait(false)) await ReplaceAsync(Path.Combine(Mount, path), open, cancellationToken).ConfigureAwait(false);
        await RunAsync(ExternalCommand.Of("umount", Mount), cancellationToken).ConfigureAwait(false);
        await RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);
        // What is read back must come from the SAN and not from this machine's memory.
        await RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", _partition), cancellationToken).ConfigureAwait(false);
        await MountAsync("vfat", "ro", _partition, Mount, cancellationToken).ConfigureAwait(false);
        foreach (var (path, open) in files)
            if (!await IsOnPartitionAsync(path, open, cancellationToken).ConfigureAwait(false)) throw new FailureException($"{path} on {_partition} is not what was written there; the SAN is damaged");
        await RunAsync(ExternalCommand.Of("umount", Mount), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The file system's label; empty where there is none.</summary>
    private async Task<string> LabelAsync(CancellationToken cancellationToken) =>
        (await RunAsync(ExternalCommand.Of("blkid", "-p", "-s", "LABEL", "-o", "value", _partition).Accepting(), cancellationToken).ConfigureAwait(false)).Output.Trim();

    private static async Task<bool> IsOnPartitionAsync(string path, Func<Stream> open, CancellationToken cancellationToken)
    {
        var file = Path.Combine(Mount, path);
        if (!File.Exists(file)) return false;
        await using var source = open();
        await using var written = File.OpenRead(file);
        if (source.Length != written.Length) return false;
        var expected = await SHA256.HashDataAsync(source, cancellationToken).ConfigureAwait(false);
        var found = await SHA256.HashDataAsync(written, cancellationToken).ConfigureAwait(false);
        return found.AsSpan().SequenceEqual(expected);
    }

    private static async Task ReplaceAsync(string target, Func<Stream> open, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        await using (var source = open())
        await using (var written = new FileStream(target + ".new", FileMode.Create))
        {
            await source.CopyToAsync(written, cancellationToken).ConfigureAwait(false);
            written.Flush(flushToDisk: true);
        }
        File.Move(target + ".new", target, overwrite: true);
    }

    private async Task MountAsync(string type, string options, string device, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        await RunAsync(ExternalCommand.Of("mount", "-t", type, "-o", options, device, folder), cancellationToken).ConfigureAwait(false);
    }

    private Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken) => runner.RunAsync(command, cancellationToken);
}
