using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Makes a Linux for machines that a lab has beside its blades: an installer ISO's kernel and some of its modules, the host's busybox, and an init script.</summary>
internal static class SmallSystem
{
    /// <summary>Makes <c>vmlinuz</c> and <c>initrd.img</c>.</summary>
    /// <param name="folder">Where; it is emptied first.</param>
    /// <param name="iso">The installer ISO.</param>
    /// <param name="modules">Modules for modprobe(8); what they depend on comes along.</param>
    /// <param name="programs">Programs of the host, which keep their paths; their libraries come along.</param>
    /// <param name="init">The script that the kernel starts.</param>
    /// <param name="runner">Runs external programs.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The ISO's kernel has no module of such a name.</exception>
    public static async Task MakeAsync(string folder, string iso, IReadOnlyList<string> modules, IReadOnlyList<string> programs, string init, ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentNullException.ThrowIfNull(runner);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        var tree = Directory.CreateDirectory(Path.Combine(folder, "tree")).FullName;
        var volume = Path.Combine(folder, "boot.squashfs");
        await runner.RunAsync(ExternalCommand.Of("xorriso", "-report_about", "WARNING", "-osirrox", "on", "-indev", iso,
            "-extract", "/boot/vmlinuz", Path.Combine(folder, "vmlinuz"), "-extract", "/virtualinux/boot.squashfs", volume), cancellationToken).ConfigureAwait(false);
        await ExtractAsync("modules/*/modules.dep").ConfigureAwait(false);
        var list = Directory.GetFiles(Path.Combine(tree, "lib/modules"), "modules.dep", SearchOption.AllDirectories).Single();
        await ExtractAsync([.. FilesOf(modules, File.ReadLines(list)).Select(f => $"modules/{Path.GetFileName(Path.GetDirectoryName(list))}/{f}")]).ConfigureAwait(false);
        File.Delete(volume);

        await runner.RunAsync(ExternalCommand.Of("install", "-D", "/bin/busybox", Path.Combine(tree, "bin/busybox")), cancellationToken).ConfigureAwait(false);
        foreach (var program in programs)
        {
            var libraries = await runner.RunAsync(ExternalCommand.Of("ldd", program), cancellationToken).ConfigureAwait(false);
            foreach (var file in libraries.Output.Split((char[])[' ', '\t', '\n']).Where(w => w.StartsWith('/')).Append(program))
                await runner.RunAsync(ExternalCommand.Of("install", "-D", file, tree + file), cancellationToken).ConfigureAwait(false);
        }
        await File.WriteAllTextAsync(Path.Combine(tree, "init"), init, cancellationToken).ConfigureAwait(false);
        File.SetUnixFileMode(Path.Combine(tree, "init"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        // Sorted: a folder before what is in it.
        var entries = Directory.EnumerateFileSystemEntries(tree, "*", SearchOption.AllDirectories).Select(e => Path.GetRelativePath(tree, e)).Order(StringComparer.Ordinal);
        await runner.RunAsync(ExternalCommand.Of("cpio", "--quiet", "--create", "--format=newc", "--owner=0:0", "-F", Path.Combine(folder, "initrd.img"))
            .WithWorkingDirectory(tree).WithInput(string.Join('\n', entries)), cancellationToken).ConfigureAwait(false);
        Directory.Delete(tree, recursive: true);

        Task ExtractAsync(params IReadOnlyList<string> paths) =>
            runner.RunAsync(ExternalCommand.Of("unsquashfs", ["-no-progress", "-force", "-dest", Path.Combine(tree, "lib"), volume, .. paths]), cancellationToken);
    }

    /// <summary>Files of modules and of all that they depend on, which <c>modules.dep</c> lists in full (modules.dep(5)).</summary>
    internal static IReadOnlyList<string> FilesOf(IReadOnlyList<string> modules, IEnumerable<string> dependencies)
    {
        var lines = dependencies.ToLookup(l => NameOf(l[..l.IndexOf(':', StringComparison.Ordinal)]), l => l.Replace(":", "", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var missing = modules.FirstOrDefault(m => !lines.Contains(m));
        if (missing is not null) throw new FailureException($"the installer's kernel has no module '{missing}'");
        return [.. modules.SelectMany(m => lines[m].First()).Distinct()];
    }

    private static string NameOf(string path) => Path.GetFileName(path).Split('.')[0].Replace('-', '_');
}
