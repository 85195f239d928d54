using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node;

/// <summary>Gives a running node the paths to the SAN that it could not have when it booted. Those that it had come back by themselves: iscsid and <see cref="PathChecker"/>, or the kernel over NVMe, see to that.</summary>
public sealed class PathWatch(ICommandRunner runner, Action<string> log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private string? _complaint;

    /// <summary>Looks every half minute until <paramref name="cancellationToken"/>; on a node that booted with one portal only it has nothing to do, unless that is one of NVMe.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(BootRecord.MultipathPath) && NodeService.ReadSite().Manifest.San?.Transport != SanTransport.NvmeTcp) return;
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

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (state, manifest) = NodeService.ReadSite();
            var transport = ISanTransport.Of(runner, manifest.San!);
            var self = manifest.Nodes.First(n => n.Name == BootRecord.Read().Node);
            foreach (var portal in transport.MissingPortals())
                if (await PortalLogin.ReachAsync(portal, cancellationToken).ConfigureAwait(false) is null)
                    await transport.AddPortalAsync(portal, transport.NameOf(manifest.Name, self.Name, self.Cluster.Mac), state.ChapSecret, cancellationToken).ConfigureAwait(false);
            // Over NVMe the kernel uses a path as soon as it is there.
            if (transport is IscsiInitiator iscsi) await JoinAsync(iscsi, cancellationToken).ConfigureAwait(false);
            _complaint = null;
        }
        catch (Exception e) when (e is FailureException or IOException)
        {
            if (_complaint != e.Message) log($"a path to the SAN is missing: {e.Message}");
            _complaint = e.Message;
        }
    }

    /// <summary>Registers new paths, and only then lets them carry the root's requests: the array would refuse them from a port that is not registered, and whoever was fenced meanwhile must not write through it.</summary>
    private async Task JoinAsync(IscsiInitiator initiator, CancellationToken cancellationToken)
    {
        var storage = NodeStorage.Open(runner);
        if (NewPaths(initiator, storage.Disk).Count == 0) return;
        await storage.AttachAsync(cancellationToken).ConfigureAwait(false);
        // The first LUN last: as long as it lacks a path, all are looked at again.
        foreach (var lun in storage.Luns.Reverse())
        {
            var paths = NewPaths(initiator, lun.Disk, lun == storage.Luns[0] ? null : lun.Wwid);
            foreach (var path in paths) await RegisterAsync(storage, path, cancellationToken).ConfigureAwait(false);
            if (paths.Count == 0) continue;
            await new MultipathDisk(runner).AddAsync(lun.Disk, paths, CancellationToken.None).ConfigureAwait(false);
            log($"{lun.Disk} has a further path: {string.Join(", ", paths)}");
        }
    }

    private static List<string> NewPaths(IscsiInitiator initiator, string disk, string? wwid = null) => [.. initiator.FindPaths(wwid).Except(MultipathDisk.PathsOf(disk))];

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
}
