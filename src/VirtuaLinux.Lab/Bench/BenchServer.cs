using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Bench;

/// <summary>A server that runs in the foreground while it is measured.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private string _last = "";

    private BenchServer(ICommandRunner runner, ExternalCommand command) =>
        _run = runner.RunAsync(command.Accepting().WithTimeout(TimeSpan.FromHours(1)).WithLines(line => _last = line), _stop.Token);

    /// <summary>Starts it and waits until <paramref name="isReady"/>.</summary>
    /// <exception cref="FailureException">It ended, or is not ready within half a minute.</exception>
    public static async Task<BenchServer> StartAsync(ICommandRunner runner, ExternalCommand command, Func<Task<bool>> isReady, CancellationToken cancellationToken)
    {
        var server = new BenchServer(runner, command);
        try
        {
            await Condition.WaitAsync($"{command} to be ready", TimeSpan.FromSeconds(30), async () =>
                server._run.IsCompleted ? throw new FailureException($"{command} ended: {server._last}") : await isReady().ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await _run.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Ended, as asked just now.
        }
        _stop.Dispose();
    }
}
