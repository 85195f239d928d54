using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Makes the image of a stick with a FAT volume labelled <c>VL-SITE</c>.</summary>
public static class SiteVolume
{
    /// <summary>The volume label that the installer looks for.</summary>
    public const string Label = "VL-SITE";

    /// <summary>Writes the image.</summary>
    /// <param name="image">Where to; an old one is replaced.</param>
    /// <param name="files">Files by name in the volume's root.</param>
    /// <param name="runner">Runs mkfs.fat(8) and mcopy(1).</param>
    /// <param name="backup">A backup that is copied to where the installer looks for one; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task CreateAsync(string image, IReadOnlyDictionary<string, string> files, ICommandRunner runner, string? backup = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(runner);
        File.Delete(image);
        var kib = 16 * 1024 + (files.Values.Sum(f => f.Length) + (backup is null ? 0 : new FileInfo(backup).Length)) / 1024;
        await runner.RunAsync(ExternalCommand.Of("mkfs.fat", "-n", Label, "-C", image, kib.ToString(CultureInfo.InvariantCulture)), cancellationToken).ConfigureAwait(false);
        foreach (var (name, content) in files)
            await runner.RunAsync(ExternalCommand.Of("mcopy", "-i", image, "-", $"::{name}").WithInput(content), cancellationToken).ConfigureAwait(false);
        if (backup is not null) await runner.RunAsync(ExternalCommand.Of("mcopy", "-i", image, backup, "::backup.tar"), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads a file that a machine left on the volume; null when it is not there.</summary>
    public static async Task<string?> ReadAsync(string image, string name, ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        var result = await runner.RunAsync(ExternalCommand.Of("mtype", "-i", image, $"::{name}").Accepting(0, 1), cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result.Output : null;
    }
}
