using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Finds out whether hardware virtualisation works. A <c>/dev/kvm</c> that exists may still hang or crash with a stock kernel, so it has to run one.</summary>
public static class AcceleratorProbe
{
    /// <summary>How long the guest has to print its first line.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>Runs a tiny guest and gives the verdict; never waits much longer than <see cref="Deadline"/>.</summary>
    /// <param name="kernel">A Linux kernel, or an installer ISO, which has one; absent: the newest in <c>/boot</c>. Without one the answer is <see cref="Accelerator.Tcg"/>.</param>
    /// <param name="runner">Runs the emulator.</param>
    /// <param name="log">Told why.</param>
    /// <param name="cancellationToken">Ends the probe.</param>
    public static async Task<Accelerator> ProbeAsync(string? kernel, ICommandRunner runner, Action<string>? log = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        if (!File.Exists("/dev/kvm")) return Say(Accelerator.Tcg, "no /dev/kvm");
        kernel ??= Directory.Exists("/boot") ? Directory.GetFiles("/boot", "vmlinuz-*").Order(StringComparer.Ordinal).LastOrDefault() : null;
        if (kernel is null) return Say(Accelerator.Tcg, "no kernel to try /dev/kvm with");
        using var extracted = kernel.EndsWith(".iso", StringComparison.Ordinal) ? new TemporaryFile() : null;
        if (extracted is not null)
        {
            await runner.RunAsync(ExternalCommand.Of("xorriso", "-osirrox", "on", "-indev", kernel, "-extract", "/boot/vmlinuz", extracted.Path), cancellationToken).ConfigureAwait(false);
            kernel = extracted.Path;
        }
        // The guest has no root: a kernel that works reaches its panic, and the panic ends the emulator.
        var command = ExternalCommand.Of("timeout", "-s", "KILL", "10", "qemu-system-x86_64",
            "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", kernel, "-append", "console=ttyS0 panic=-1").WithTimeout(Deadline + TimeSpan.FromSeconds(2)).Accepting();
        try
        {
            var run = runner.RunAsync(command, cancellationToken);
            // A process that hangs inside the kernel's KVM does not even end when it is killed: do not wait for it.
            if (await Task.WhenAny(run, Task.Delay(Deadline + TimeSpan.FromSeconds(5), cancellationToken)).ConfigureAwait(false) != run)
            {
                _ = run.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                return Say(Accelerator.Tcg, "/dev/kvm hangs");
            }
            var result = await run.ConfigureAwait(false);
            return result.Output.Contains("Kernel panic", StringComparison.Ordinal)
                ? Say(Accelerator.Kvm, "/dev/kvm runs a stock kernel")
                : Say(Accelerator.Tcg, $"/dev/kvm cannot run a stock kernel: {result.Error.Split('\n')[0]}");
        }
        catch (ExternalCommandException e)
        {
            return Say(Accelerator.Tcg, e.Message);
        }

        Accelerator Say(Accelerator verdict, string why)
        {
            log?.Invoke($"blades run with {verdict.ToString().ToLowerInvariant()}: {why}");
            return verdict;
        }
    }

    private sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"virtualinux-{Guid.NewGuid():N}.kernel");

        public void Dispose() => File.Delete(Path);
    }
}
