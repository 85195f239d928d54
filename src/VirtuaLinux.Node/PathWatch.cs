using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node;

/// <summary>Gives a running node the paths to the SAN that it could not have when it booted. Sessions that it had come back by themselves: iscsid and multipathd see to that.</summary>
public sealed class PathWatch(ICommandRunner runner, Action<string> log)
{
    /// <summary>Where open-iscsi keeps its records of portals on a node: in memory, since they have the secret in them. The image's <c>/var/lib/iscsi/nodes</c> leads here.</summary>
    private const string Records = BootRecord.Directory + "/iscsi-nodes";

    private const string Daemon = "multipathd.service";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30), LoginTimeout = TimeSpan.FromMinutes(2);

    private string? _complaint;

    /// <summary>Looks every half minute until <paramref name="cancellationToken"/>; on a node with one portal only it has nothing to do.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(BootRecord.MultipathPath)) return;
        try
        {
            // This service may have ended in the middle of a look.
            await RunDaemonAsync("start", cancellationToken).ConfigureAwait(false);
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

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (state, manifest) = NodeService.ReadSite();
            foreach (var portal in IscsiInitiator.MissingPortals(manifest.San!))
                if (await IscsiInitiator.ReachAsync(portal, cancellationToken).ConfigureAwait(false) is null)
                    await JoinAsync(NodeStorage.Open(runner), portal, state.ChapSecret, cancellationToken).ConfigureAwait(false);
            _complaint = null;
        }
        catch (Exception e) when (e is FailureException or IOException)
        {
            if (_complaint != e.Message) log($"a path to the SAN is missing: {e.Message}");
            _complaint = e.Message;
        }
    }

    /// <summary>Logs in, registers, and only then lets the new path carry the root's requests: the array would refuse them from a port that is not registered, and whoever was fenced meanwhile must not write through it.</summary>
    private async Task JoinAsync(NodeStorage storage, IscsiPortal portal, string? secret, CancellationToken cancellationToken)
    {
        var san = storage.Manifest.San!;
        var before = IscsiInitiator.FindPaths(san);
        await RunDaemonAsync("stop", cancellationToken).ConfigureAwait(false);
        try
        {
            await LoginAsync(san, portal, secret, cancellationToken).ConfigureAwait(false);
            for (var wait = 0; wait < 100 && IscsiInitiator.FindPaths(san).Count == before.Count; wait++) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
            foreach (var path in IscsiInitiator.FindPaths(san).Except(before)) await RegisterAsync(storage, path, cancellationToken).ConfigureAwait(false);
            log($"portal {portal} of the SAN is a path again");
        }
        finally
        {
            await RunDaemonAsync("start", CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task RegisterAsync(NodeStorage storage, string path, CancellationToken cancellationToken)
    {
        if (storage.Key is not { } key) return;
        if (!(await storage.Lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(key)) throw new FailureException("this node's registration is gone: it was fenced, or another machine took its place");
        var disk = new ScsiDisk(runner, path);
        await disk.RegisterAsync(key, cancellationToken).ConfigureAwait(false);
        // Noted before its key is taken: whichever way the two meet, it is seen here or the key is taken after this.
        if (!(await new Exclusion(storage.Lun).ReadFencesAsync(cancellationToken).ConfigureAwait(false)).Nodes.Contains(storage.Self.Cluster.Ip)) return;
        await disk.RegisterAsync(default, CancellationToken.None).ConfigureAwait(false);
        throw new FailureException("this node was fenced");
    }

    private async Task LoginAsync(SiteSan san, IscsiPortal portal, string? secret, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Records, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await IscsiadmAsync(cancellationToken, "--op", "new").ConfigureAwait(false);
        if (san.Chap is { } chap)
            // On a command line everybody on the node could read it.
            foreach (var record in Directory.GetFiles(Path.Combine(Records, san.Target), "*", SearchOption.AllDirectories).Where(f => f.Contains($"/{portal.Address},", StringComparison.Ordinal)))
                await File.AppendAllTextAsync(record, $"node.session.auth.authmethod = CHAP\nnode.session.auth.username = {chap.User}\nnode.session.auth.password = {secret}\n", cancellationToken).ConfigureAwait(false);
        await IscsiadmAsync(cancellationToken, "--login").ConfigureAwait(false);

        Task<CommandResult> IscsiadmAsync(CancellationToken token, params IReadOnlyList<string> arguments) =>
            runner.RunAsync(ExternalCommand.Of("iscsiadm", ["--mode", "node", "--targetname", san.Target, "--portal", portal.ToString(), .. arguments]).WithTimeout(LoginTimeout), token);
    }

    private Task<CommandResult> RunDaemonAsync(string action, CancellationToken cancellationToken) =>
        runner.RunAsync(ExternalCommand.Of("systemctl", action, Daemon).WithTimeout(TimeSpan.FromMinutes(2)), cancellationToken);
}
