using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>Watches whether what this node reads of its origin is what the image's hash tree says, and keeps the answer where whoever asks for the node's status finds it without asking the kernel.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="log">Takes the alarm.</param>
/// <param name="path">File that keeps the answer; it is gone with the boot.</param>
public sealed class OriginWatch(ICommandRunner runner, Action<string> log, string path = OriginWatch.StatePath)
{
    private const string StatePath = BootRecord.Directory + "/origin";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private OriginState? _seen;
    private string? _complaint;

    /// <summary>What was seen last in this boot; null where nobody looked, as on a metamaster.</summary>
    public static OriginState? Last(string path = StatePath) => File.Exists(path) && Enum.TryParse<OriginState>(File.ReadAllText(path), out var state) ? state : null;

    /// <summary>Looks every ten seconds until <paramref name="cancellationToken"/>.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await LookAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }

    /// <summary>Looks once; only root may. What a node cannot see is told once, and what it saw before stays.</summary>
    public async Task LookAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var state = await NodeVolumes.ReadOriginStateAsync(runner, cancellationToken).ConfigureAwait(false);
            if (state == _seen) return;
            File.WriteAllText(path + ".new", state.ToString());
            File.Move(path + ".new", path, overwrite: true);
            _seen = state;
            if (state == OriginState.Corrupt) log("ALARM: the origin on the SAN is corrupt: a block that was read is not what was written, and whoever read it got an I/O error; the SAN or the path to it loses data; journalctl -k names the block");
        }
        catch (Exception e) when (e is FailureException or IOException or UnauthorizedAccessException)
        {
            if (_complaint != e.Message) log($"the origin is not watched: {e.Message}");
            _complaint = e.Message;
        }
    }
}
