using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>The end of a lab, also of one whose owner crashed.</summary>
public sealed partial class LabInstance
{
    /// <summary>Ends everything that the lab in this folder started, whoever is still alive of it; does nothing when there is no lab.</summary>
    public static async Task DownAsync(string stateDirectory, ICommandRunner? runner = null, CancellationToken cancellationToken = default)
    {
        runner ??= new CommandRunner();
        var store = new LabStore(Path.GetFullPath(stateDirectory));
        if (store.TryRead() is not { } state) return;
        if (!state.IsUp) return; // another lab may have taken the name since
        var options = state.Options;
        using var turn = await TgtTarget.TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        foreach (var process in await ProcessesAsync(state, runner, cancellationToken).ConfigureAwait(false))
            await process.KillAsync(cancellationToken).ConfigureAwait(false);
        if (LabNetwork.Exists(options)) await runner.RunAsync(ExternalCommand.Of("ip", "netns", "delete", options.Namespace), cancellationToken).ConfigureAwait(false);
        if (Directory.Exists(LabPaths.RunOf(options))) Directory.Delete(LabPaths.RunOf(options), recursive: true);
        await TgtTarget.RemoveControlPortAsync(runner, state.SanControlPort, cancellationToken).ConfigureAwait(false);
        await store.UpdateAsync(s => s with { IsUp = false, San = null, SanControlPort = 0, Watcher = null, Blades = new Dictionary<string, BladeState>() }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>All processes in the namespace, and those that the state names: whoever left the namespace, or whose namespace lost its name.</summary>
    private static async Task<IReadOnlyList<LabProcess>> ProcessesAsync(LabState state, ICommandRunner runner, CancellationToken cancellationToken)
    {
        List<LabProcess?> found = [state.Watcher, state.San, .. state.Blades.Values.Select(b => b.Machine)];
        if (LabNetwork.Exists(state.Options))
        {
            var pids = await runner.RunAsync(ExternalCommand.Of("ip", "netns", "pids", state.Options.Namespace).WithTimeout(TimeSpan.FromSeconds(30)), cancellationToken).ConfigureAwait(false);
            found.AddRange(pids.Output.Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries).Select(p => LabProcess.Find(int.Parse(p, CultureInfo.InvariantCulture))));
        }
        return [.. found.OfType<LabProcess>().Where(p => p.IsAlive && p.Pid != Environment.ProcessId).Distinct()];
    }
}
