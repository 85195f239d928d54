using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Tests;

public sealed class AcceleratorProbeTests
{
    [Fact]
    public async Task A_guest_that_hangs_means_emulation()
    {
        if (!File.Exists("/dev/kvm")) Assert.Skip("no /dev/kvm to ask");
        using var stop = new CancellationTokenSource();
        var verdict = await AcceleratorProbe.ProbeAsync("/proc/self/exe", new HangingRunner(stop.Token));
        Assert.Equal(Accelerator.Tcg, verdict);
        await stop.CancelAsync();
    }

    [Fact]
    public async Task A_kernel_that_does_not_run_means_emulation()
    {
        string? why = null;
        Assert.Equal(Accelerator.Tcg, await AcceleratorProbe.ProbeAsync("/dev/null", new CommandRunner(), text => why = text));
        Assert.StartsWith("blades run with tcg: ", why, StringComparison.Ordinal);
    }

    /// <summary>A program inside a driver that never returns: neither its end nor its death comes.</summary>
    private sealed class HangingRunner(CancellationToken stop) : ICommandRunner
    {
        public async Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new CommandResult(0, "", "");
        }
    }
}
