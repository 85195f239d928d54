using VirtuaLinux.Host;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Install;

/// <summary>Finds removable media by their labels: a CD, a stick, a partition of it.</summary>
public sealed class Media(ICommandRunner runner, Coldplug coldplug, InstallConsole console)
{
    private static readonly TimeSpan Reminder = TimeSpan.FromSeconds(15);

    /// <summary>Mounts the volume with this label read-only; waits for it, and says so, as long as it takes: a stick may need seconds, a person minutes.</summary>
    public async Task MountAsync(string label, string folder, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(folder);
        var next = DateTime.UtcNow + Reminder;
        while (true)
        {
            if (await FindAsync(label, cancellationToken).ConfigureAwait(false) is { } device)
            {
                await runner.RunAsync(ExternalCommand.Of("mount", "-o", "ro", "-t", device.Type, device.Path, folder), cancellationToken).ConfigureAwait(false);
                console.Say($"{label}: {device.Path} ({device.Type})");
                return;
            }
            if (DateTime.UtcNow > next)
            {
                console.Say($"waiting for a volume labelled {label}: put the medium in{(label == "VL-SITE" ? " (a FAT volume with site.yaml)" : "")}");
                next = DateTime.UtcNow + Reminder;
            }
            await coldplug.LoadNewAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(250, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<(string Path, string Type)?> FindAsync(string label, CancellationToken cancellationToken)
    {
        var names = Directory.GetDirectories("/sys/class/block").Select(Path.GetFileName).Where(n => n is not null && !n.StartsWith("loop", StringComparison.Ordinal) && !n.StartsWith("ram", StringComparison.Ordinal) && !n.StartsWith("dm-", StringComparison.Ordinal));
        // Partitions before whole disks: on a hybrid stick both carry the ISO's label, and a disk that is mounted whole leaves its other partitions, VL-SITE perhaps, busy.
        foreach (var name in names.OrderBy(n => !File.Exists($"/sys/class/block/{n}/partition")).ThenBy(n => n, StringComparer.Ordinal))
        {
            var probe = await runner.RunAsync(ExternalCommand.Of("blkid", "-p", "-o", "export", $"/dev/{name}").Accepting(), cancellationToken).ConfigureAwait(false);
            var values = probe.Output.Split('\n').Select(l => l.Split('=', 2)).Where(p => p.Length == 2).ToLookup(p => p[0], p => p[1].Replace("\\ ", " ", StringComparison.Ordinal));
            if (values["LABEL"].Contains(label) && values["TYPE"].FirstOrDefault() is { } type) return ($"/dev/{name}", type);
        }
        return null;
    }
}
