using VirtuaLinux.Host;

namespace VirtuaLinux.Node.Initrd;

/// <summary>Loads the drivers of the machine's devices, as udev would: by the module aliases that the kernel shows in sysfs.</summary>
public sealed class Coldplug(ICommandRunner runner)
{
    private readonly HashSet<string> _seen = [];

    // crc32c first, or iscsi_tcp is refused; dm_thin_pool never gives up on a full pool; loop makes no device before it is asked for one.
    private static readonly string[] Always = ["crc32c_generic", "crc32c_intel", "iscsi_tcp", "nvme_tcp", "sd_mod", "sr_mod", "dm_mod", "ext4", "squashfs", "isofs", "vfat", "nls_cp437", "nls_ascii", "nls_utf8"];

    /// <summary>Loads what storage and file systems need, and then <see cref="LoadNewAsync"/>.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken = default)
    {
        await runner.RunAsync(ExternalCommand.Of("modprobe", "-q", "-b", "-a").With(Always).Accepting(), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("modprobe", "-q", "dm_thin_pool", "no_space_timeout=0").Accepting(), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("modprobe", "-q", "loop", "max_loop=0").Accepting(), cancellationToken).ConfigureAwait(false);
        await LoadNewAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Loads drivers for devices that appeared since the last call: a bus driver brings new ones.</summary>
    public async Task LoadNewAsync(CancellationToken cancellationToken = default)
    {
        for (var pass = 0; pass < 4; pass++)
        {
            var aliases = Aliases().Where(_seen.Add).ToList();
            if (aliases.Count == 0) return;
            // An alias without a driver here is the normal case.
            await runner.RunAsync(ExternalCommand.Of("modprobe", "-q", "-b", "-a").With(aliases).Accepting(), cancellationToken).ConfigureAwait(false);
        }
    }

    private static IEnumerable<string> Aliases()
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (var file in Directory.EnumerateFiles("/sys/devices", "modalias", options))
        {
            string text;
            try
            {
                text = File.ReadAllText(file).Trim();
            }
            catch (IOException)
            {
                continue; // the device left while we looked
            }
            if (text.Length > 0) yield return text;
        }
    }
}
