using VirtuaLinux.Host;

namespace VirtuaLinux.Node;

/// <summary>Watches for units of systemd that have failed, and keeps the answer for whoever asks for the node's status.</summary>
/// <param name="runner">Runs programs.</param>
public sealed class UnitWatch(ICommandRunner runner)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>The units that had failed at the last look; null until the boot has ended.</summary>
    public IReadOnlyList<string>? Failed { get; private set; }

    /// <summary>Looks every ten seconds until <paramref name="cancellationToken"/>.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                Failed = await LookAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is FailureException or OperationCanceledException)
            {
                Failed = null; // not known
            }
            await Task.Delay(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<IReadOnlyList<string>?> LookAsync(CancellationToken cancellationToken)
    {
        // starting, running, degraded, stopping … (systemctl(1), is-system-running)
        var state = await runner.RunAsync(ExternalCommand.Of("systemctl", "show", "--value", "--property=SystemState"), cancellationToken).ConfigureAwait(false);
        if (state.Output.Trim() is not ("running" or "degraded")) return null;
        var failed = await runner.RunAsync(ExternalCommand.Of("systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--full"), cancellationToken).ConfigureAwait(false);
        return [.. failed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => l.Split(' ')[0])];
    }
}
