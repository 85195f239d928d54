using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>Access from the host into the lab's network: HTTP, SSH, status.</summary>
public sealed partial class LabInstance
{
    private string KeyFile => Path.Combine(_store.Directory, "ssh", "id_ed25519");

    /// <summary>Fetches a page from a machine of the lab.</summary>
    /// <param name="address">Address, with a port if it is not 80.</param>
    /// <param name="path">Path, with its leading slash.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">No answer within 10 s, or an HTTP error.</exception>
    public async Task<string> GetAsync(string address, string path, CancellationToken cancellationToken = default) =>
        (await _runner.RunAsync(Network.Inside("curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "10", $"http://{address}{path}").WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken).ConfigureAwait(false)).Output;

    /// <summary>What a node says of itself; null when it does not answer.</summary>
    public async Task<NodeStatus?> ReportAsync(Blade blade, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blade);
        if (!blade.IsOn) return null;
        var command = Network.Inside("curl", "--silent", "--fail", "--noproxy", "*", "--connect-timeout", "2", "--max-time", "5", $"http://{blade.Options.Ip}/status").WithTimeout(TimeSpan.FromSeconds(15)).Accepting();
        var result = await _runner.RunAsync(command, cancellationToken).ConfigureAwait(false);
        if (result.ExitCode != 0) return null;
        try
        {
            return JsonSerializer.Deserialize(result.Output, LabJson.Default.NodeStatus);
        }
        catch (JsonException)
        {
            return null; // something else listens on that address
        }
    }

    /// <summary>One row for each blade.</summary>
    public async Task<IReadOnlyList<BladeStatus>> StatusAsync(CancellationToken cancellationToken = default) =>
        await Task.WhenAll(Blades.Select(blade => StatusAsync(blade, cancellationToken))).ConfigureAwait(false);

    private async Task<BladeStatus> StatusAsync(Blade blade, CancellationToken cancellationToken)
    {
        await blade.TendAsync(cancellationToken).ConfigureAwait(false);
        return new BladeStatus
        {
            Name = blade.Name,
            Power = await blade.PowerAsync(cancellationToken).ConfigureAwait(false),
            Firmware = blade.Options.Firmware,
            PoweredOnAt = blade.IsOn ? blade.State.PoweredOnAt : null,
            Media = blade.State.Media,
            Node = await ReportAsync(blade, cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>The public key that the lab's site file gives to the user <c>admin</c>; the pair is made when it is first asked for.</summary>
    public async Task<string> PublicKeyAsync(CancellationToken cancellationToken = default)
    {
        if (!File.Exists(KeyFile))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(KeyFile)!);
            await _runner.RunAsync(ExternalCommand.Of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", $"lab-{Options.Name}", "-f", KeyFile), cancellationToken).ConfigureAwait(false);
        }
        return (await File.ReadAllTextAsync(KeyFile + ".pub", cancellationToken).ConfigureAwait(false)).Trim();
    }

    /// <summary>Runs a command on a node as <c>admin</c> with the lab's key.</summary>
    /// <param name="blade">The node.</param>
    /// <param name="arguments">Program and arguments; each arrives as it is given.</param>
    /// <param name="input">What its standard input is read from; nothing unless given.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Exit code 255 is SSH's own: no connection.</returns>
    public Task<CommandResult> SshAsync(Blade blade, IReadOnlyList<string> arguments, Stream? input = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blade);
        // Host keys of a lab are new with every installation: there is nothing to compare them with.
        var command = Network.Inside("ssh", "-i", KeyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=15", $"admin@{blade.Options.Ip}", "--", string.Join(' ', arguments.Select(QuoteForShell)));
        return _runner.RunAsync(command.WithInput(input ?? Stream.Null).WithTimeout(TimeSpan.FromMinutes(20)).Accepting(), cancellationToken);
    }

    /// <summary>Starts a process that tends the blades for as long as the lab is up (see <see cref="WatchAsync"/>).</summary>
    /// <param name="command">The product's own command that calls <see cref="WatchAsync"/>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task StartWatcherAsync(ExternalCommand command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (_store.Read().Watcher is { IsAlive: true }) return;
        var pidFile = Path.Combine(_store.Directory, "watcher.pid");
        File.Delete(pidFile);
        await _runner.RunAsync(Network.Inside("start-stop-daemon", ["--start", "--background", "--make-pidfile", "--pidfile", pidFile, "--startas", command.Program, "--", .. command.Arguments]).WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken).ConfigureAwait(false);
        await Condition.WaitAsync("the watcher to start", TimeSpan.FromSeconds(20), () => Task.FromResult(LabProcess.FromFile(pidFile) is not null), cancellationToken).ConfigureAwait(false);
        await _store.UpdateAsync(s => s with { Watcher = LabProcess.FromFile(pidFile) }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tends all blades every two seconds until the lab goes down.</summary>
    public async Task WatchAsync(CancellationToken cancellationToken = default)
    {
        while (_store.TryRead() is { IsUp: true })
        {
            foreach (var blade in Blades) await blade.TendAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken).ConfigureAwait(false);
        }
    }

    private void CopyKeys(string stateDirectory)
    {
        if (!File.Exists(KeyFile)) return;
        var folder = Directory.CreateDirectory(Path.Combine(stateDirectory, "ssh")).FullName;
        foreach (var file in (string[])[KeyFile, KeyFile + ".pub"]) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    private static string QuoteForShell(string argument) => string.Create(CultureInfo.InvariantCulture, $"'{argument.Replace("'", @"'\''", StringComparison.Ordinal)}'");
}
