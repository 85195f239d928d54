using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Bench;

/// <summary>Measures the storage layer: a lab with one blade, which starts the installer's kernel and initrd and does the measuring. What it prints on its console becomes the report.</summary>
/// <param name="options">The lab, from <see cref="LabOf"/>.</param>
/// <param name="iso">The installer ISO whose kernel and initrd the blade starts.</param>
/// <param name="archive">A cpio archive that is unpacked over the initrd, with what measures.</param>
/// <param name="runner">Runs programs.</param>
/// <param name="log">Takes a line for each measurement.</param>
public sealed class StorageBench(LabOptions options, string iso, string archive, ICommandRunner runner, Action<string> log)
{
    /// <summary>What the blade prints when it has measured everything.</summary>
    public const string Done = $"{StorageFigure.Prefix} done";

    /// <summary>What a blade that gives up prints, the reason behind it.</summary>
    public const string Failed = $"{StorageFigure.Prefix} FAILED:";

    /// <summary>A lab with one blade, whose LUN holds what <c>bench blade</c> lays out.</summary>
    /// <param name="stateDirectory">The lab's folder.</param>
    /// <param name="san">The folder for the SAN's file.</param>
    /// <param name="iso">The installer ISO.</param>
    /// <param name="cpus">How many processors the blade has: a thin pool has a thread of its own, which one processor shares with the load.</param>
    public static LabOptions LabOf(string stateDirectory, string san, string iso, int cpus) => new()
    {
        StateDirectory = Path.GetFullPath(stateDirectory),
        Name = "bench",
        Blades = [.. LabOptions.NumberedBlades([Firmware.Bios]).Select(b => b with { MemoryMiB = 1536, Cpus = cpus })],
        SanDirectory = Path.GetFullPath(Path.Combine(san, "virtualinux-bench")),
        SanSize = ByteSize.FromMiB(7168),
        ProbeKernel = iso,
    };

    private readonly List<string> _notes =
    [
        "Every device carries ext4. fio and bonnie++ bypass the page cache unless said, and fio's writes end with fsync. The ratio is that of the slower of plain and root.",
        "The figures of 2007 are those of another SAN: only their ratios are to be compared.",
    ];

    /// <summary>Measures everything.</summary>
    /// <param name="others">What was measured before, without a blade.</param>
    /// <param name="deadline">How long the blade may take; what it has measured by then counts.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The blade gave up, went off, or measured nothing in time.</exception>
    public async Task<BenchReport> RunAsync(IEnumerable<StorageFigure> others, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        var boot = await PrepareBootAsync(cancellationToken).ConfigureAwait(false);
        await LabInstance.DownAsync(options.StateDirectory, runner, cancellationToken).ConfigureAwait(false);
        var lab = await LabInstance.CreateAsync(options with { Blades = [.. options.Blades.Select(b => b with { Boot = boot })] }, runner, log, cancellationToken).ConfigureAwait(false);
        try
        {
            await FillAsync(lab.San.BackingFile, cancellationToken).ConfigureAwait(false);
            var blade = lab.Blades[0];
            await blade.PowerOnAsync(cancellationToken).ConfigureAwait(false);
            var figures = await FollowAsync(blade, deadline, cancellationToken).ConfigureAwait(false);
            return new BenchReport
            {
                Time = TimeProvider.System.GetUtcNow(),
                Machine = $"blade with {blade.Options.Cpus} processor(s) run by {lab.Accelerator.ToString().ToLowerInvariant()}, SAN tgt on the same {Environment.ProcessorCount} processors, {Environment.OSVersion.VersionString}",
                Rows = StorageFigures.Rows([.. figures, .. others]),
                Notes = _notes,
            };
        }
        finally
        {
            await lab.DownAsync(CancellationToken.None).ConfigureAwait(false);
            Directory.Delete(options.SanDirectory!, recursive: true);
        }
    }

    private async Task<DirectBoot> PrepareBootAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(options.StateDirectory, "boot")).FullName;
        string kernel = Path.Combine(folder, "vmlinuz"), initrd = Path.Combine(folder, "initrd.img");
        foreach (var file in (string[])[kernel, initrd])
        {
            File.Delete(file);
            await runner.RunAsync(ExternalCommand.Of("xorriso", "-osirrox", "on", "-indev", iso, "-extract", $"/boot/{Path.GetFileName(file)}", file), cancellationToken).ConfigureAwait(false);
        }
        File.SetUnixFileMode(initrd, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var target = new FileStream(initrd, FileMode.Append);
        await using (target.ConfigureAwait(false))
        {
            // The kernel looks for the next archive at a multiple of four bytes (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
            await target.WriteAsync(new byte[(4 - target.Position % 4) % 4], cancellationToken).ConfigureAwait(false);
            var source = File.OpenRead(archive);
            await using (source.ConfigureAwait(false)) await source.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        }
        return new DirectBoot(kernel, initrd, "console=ttyS0");
    }

    /// <summary>Gives the LUN all its blocks: the first write into a hole of a sparse file would be slower than the second, on whatever device.</summary>
    private static async Task FillAsync(string file, CancellationToken cancellationToken)
    {
        var zeros = new byte[4 << 20];
        var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        await using (stream.ConfigureAwait(false))
        {
            while (stream.Position < stream.Length) await stream.WriteAsync(zeros.AsMemory(0, (int)Math.Min(zeros.Length, stream.Length - stream.Position)), cancellationToken).ConfigureAwait(false);
            stream.Flush(flushToDisk: true);
        }
    }

    private async Task<IReadOnlyCollection<StorageFigure>> FollowAsync(Blade blade, TimeSpan deadline, CancellationToken cancellationToken)
    {
        List<StorageFigure> figures = [];
        var told = 0;
        var start = TimeProvider.System.GetTimestamp();
        await Condition.WaitAsync($"{blade.Name} to measure anything; its console is {blade.ConsoleLogFile}", deadline, () =>
        {
            var isOn = blade.IsOn; // asked before the log is read: what a machine wrote last must count
            // Behind the last line feed is a line that is still being written.
            var lines = blade.ReadConsole().Split('\n')[..^1];
            foreach (var line in lines[told..].Select(l => l.TrimEnd('\r')).Where(l => l.StartsWith(StorageFigure.Prefix, StringComparison.Ordinal)))
            {
                log(line);
                if (StorageFigure.TryParse(line, out var figure)) figures.Add(figure);
                if (line.StartsWith(Failed, StringComparison.Ordinal)) throw new FailureException($"{blade.Name}: {line[Failed.Length..].Trim()}; its console is {blade.ConsoleLogFile}");
                if (line == Done) return Task.FromResult(true);
            }
            told = lines.Length;
            if (figures.Count > 0 && TimeProvider.System.GetElapsedTime(start) + TimeSpan.FromSeconds(1) > deadline)
            {
                _notes.Add($"The blade was not done after {deadline.TotalMinutes:0} min: the last round is not complete.");
                return Task.FromResult(true);
            }
            return isOn ? Task.FromResult(false) : throw new FailureException($"{blade.Name} went off before it had measured everything; its console is {blade.ConsoleLogFile}");
        }, cancellationToken).ConfigureAwait(false);
        return figures;
    }
}
