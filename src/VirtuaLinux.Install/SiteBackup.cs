using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Makes the backup of a running site from any of its nodes.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="log">Takes a line.</param>
public sealed class SiteBackup(ICommandRunner runner, NodeStorage storage, Action<string> log)
{
    private const string Local = "/local", Device = "vl-backup", View = "vl-backup-view", Mount = "/run/virtualinux/backup";

    /// <summary>Bytes, of a file with holes: twice the largest journal that mke2fs(8) makes.</summary>
    private const long JournalSpace = 2L << 30;

    /// <summary>There is no other server to ask: a node that is busy is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Makes it.</summary>
    /// <param name="path">The file, which must not exist.</param>
    /// <param name="running">Nodes that answer: they give their files themselves.</param>
    /// <param name="without">Nodes whose files are left out.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">A node's files could not be read, or the SAN cannot tell whether it is off; no file is left.</exception>
    public async Task CreateAsync(string path, IReadOnlyCollection<string> running, IReadOnlyCollection<string> without, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(running);
        ArgumentNullException.ThrowIfNull(without);
        // It would grow while it is read, and hold the backups before it.
        if (!without.Contains(storage.Self.Name) && await VolumeArchive.HoldsAsync(runner, Local, path, cancellationToken).ConfigureAwait(false)) throw new FailureException($"{path} lies on {Local}, whose files the backup holds; write it elsewhere, such as to /var/tmp, and take it to another machine");
        using var turn = await LockFile.TakeAsync("/run/lock/virtualinux-backup.lock", TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        if (without.FirstOrDefault(w => manifest.Nodes.All(n => n.Name != w)) is { } unknown) throw new FailureException($"no node '{unknown}' in site {manifest.Name}");
        var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var text = await storage.Lvm.ReadTextAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{storage.Partition} has no volume group {LvmTools.GroupName}");
        // A node that was never started has nothing to lose; it is told from its volume.
        var nodes = manifest.Nodes.Where(n => !without.Contains(n.Name) && group.Find(NodeVolumes.LocalName(n.Name)) is not null).ToList();
        foreach (var node in nodes.Where(n => !running.Contains(n.Name)).ToList())
        {
            if (!await WasNeverStartedAsync(group, node.Name, cancellationToken).ConfigureAwait(false)) continue;
            log($"{node.Name}: was never started and has nothing to lose, left out");
            nodes.Remove(node);
        }
        var off = nodes.Where(n => !running.Contains(n.Name)).Select(n => n.Name).ToList();
        foreach (var node in nodes.Where(n => off.Contains(n.Name))) await RequireOffAsync(node, cancellationToken).ConfigureAwait(false);
        var info = new BackupInfo(BackupInfo.KnownFormat, manifest.Name, manifest.SiteId, manifest.Serial, TimeProvider.System.GetUtcNow(), [.. nodes.Select(n => n.Name)], off);
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        using var client = new BootClient(certificate, log, Patience);
        var volumes = new OffVolumes(storage.Exclusion, storage.Holder, (work, end) => storage.WithLeaseAsync(_ => work(), end), OpenOffAsync, UnmountAsync);
        await WriteAsync(path, info, state, text, volumes, async (name, end) =>
        {
            log($"{name}: {(off.Contains(name) ? "its volume, while it is off" : "its own files")}");
            var node = nodes.First(n => n.Name == name);
            return off.Contains(name) ? await volumes.OpenAsync(node, end).ConfigureAwait(false) : await client.OpenLocalAsync(node, end).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes the file; none is left when a node that was off has started while its volume was read.</summary>
    internal static async Task WriteAsync(string path, BackupInfo info, SanState state, string group, OffVolumes volumes, Func<string, CancellationToken, Task<Stream>> open, CancellationToken cancellationToken)
    {
        try
        {
            await BackupFile.WriteAsync(path, info, state, group, async (name, end) =>
            {
                await volumes.EndAsync().ConfigureAwait(false);
                return await open(name, end).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
            try
            {
                await volumes.EndAsync().ConfigureAwait(false);
            }
            catch
            {
                File.Delete(path);
                throw;
            }
        }
        finally
        {
            await volumes.CloseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Whether neither <c>local</c> nor the pool of a node was ever written to: one without the other is damaged.</summary>
    private async Task<bool> WasNeverStartedAsync(VolumeGroup group, string node, CancellationToken cancellationToken)
    {
        await UnmountAsync().ConfigureAwait(false);
        var volumes = new NodeVolumes(runner, group, storage.Lvm.DevicesOf(group));
        try
        {
            foreach (var name in (string[])[NodeVolumes.LocalName(node), NodeVolumes.MetadataName(node)])
            {
                var device = await volumes.MapAsync(name, Device, readOnly: true, cancellationToken).ConfigureAwait(false);
                await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", device), cancellationToken).ConfigureAwait(false);
                if (!FreshVolume.Is(device)) return false;
            }
            return true;
        }
        finally
        {
            await UnmountAsync().ConfigureAwait(false);
        }
    }

    private async Task RequireOffAsync(ManifestNode node, CancellationToken cancellationToken)
    {
        if (storage.Key is null) throw new FailureException($"{node.Name} does not answer, and this SAN cannot tell whether it is off; start it, or leave it out with --without {node.Name}");
        if ((await storage.Lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Any(k => k.Node == node.Cluster.Ip))
            throw new FailureException($"{node.Name} does not answer but is registered with the SAN, so it may be writing; start it anew, shut it out with 'virtualinux node fence {node.Name}', or leave it out with --without {node.Name}");
    }

    /// <summary>The files of a node that is off, as its next start would find them.</summary>
    private async Task<Stream> OpenOffAsync(ManifestNode node, CancellationToken cancellationToken)
    {
        await UnmountAsync().ConfigureAwait(false);
        var device = await (await storage.ReadVolumesAsync(cancellationToken).ConfigureAwait(false)).MapAsync(NodeVolumes.LocalName(node.Name), Device, readOnly: true, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", device), cancellationToken).ConfigureAwait(false);
        if (NodeVolumes.IsBlank(device)) throw new FailureException($"the local volume of {node.Name} starts with zeros: {node.Name} was never started, or the volume is damaged, which its next start tells; leave it out with --without {node.Name}");
        Directory.CreateDirectory(Mount);
        var view = await OverlayAsync(device, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "ext4", "-o", "ro", view, Mount), cancellationToken).ConfigureAwait(false);
        return VolumeArchive.Open(runner, Mount, cancellationToken);
    }

    /// <summary>A view of a volume in which ext4 can replay its journal, without which what a node wrote before it lost its power is missing or damaged: that goes into a file of this node, which is gone with the view, and the volume stays as it is.</summary>
    private async Task<string> OverlayAsync(string device, CancellationToken cancellationToken)
    {
        const string file = "/var/tmp/virtualinux-backup";
        await using (var store = File.Create(file)) store.SetLength(JournalSpace);
        var loop = (await runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", file), cancellationToken).ConfigureAwait(false)).Output.Trim();
        try
        {
            var sectors = (await runner.RunAsync(ExternalCommand.Of("blockdev", "--getsz", device), cancellationToken).ConfigureAwait(false)).Output.Trim();
            return await new DeviceMapper(runner).CreateAsync(View, $"0 {sectors} snapshot {device} {loop} N 8\n", cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // They go when the view does, however this process ends.
            File.Delete(file);
            await runner.RunAsync(ExternalCommand.Of("losetup", "--detach", loop), CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task UnmountAsync()
    {
        if (!Path.Exists(DeviceMapper.PathOf(Device))) return;
        await runner.RunAsync(ExternalCommand.Of("umount", Mount).Accepting()).ConfigureAwait(false);
        foreach (var name in (string[])[View, Device])
            if (Path.Exists(DeviceMapper.PathOf(name))) await new DeviceMapper(runner).RemoveAsync(name).ConfigureAwait(false);
    }
}
