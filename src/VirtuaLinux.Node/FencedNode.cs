using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>The files of a node that is fenced, mounted on another one: what its blade took down with it can be read and saved. It cannot boot meanwhile, and so cannot disturb it.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage.</param>
/// <param name="node">The fenced node.</param>
public sealed class FencedNode(ICommandRunner runner, NodeStorage storage, ManifestNode node)
{
    private const string Mount = "/run/virtualinux/reset";

    private readonly DeviceMapper _mapper = new(runner);

    private string Root => Device("root");

    private string Local => Device("local");

    /// <summary>Whether something of the node is mapped on this machine.</summary>
    public bool IsMapped => File.Exists(DeviceMapper.PathOf(Local));

    /// <summary>Mounts the node's root, and <c>local</c> within it.</summary>
    /// <param name="folder">Where; it must be there.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends it; what was mapped is unmapped.</param>
    /// <returns>Whether the root is there: when it is lost, <c>local</c> is mounted alone, where it is otherwise too.</returns>
    /// <exception cref="FailureException">The node is not fenced, another node has its volumes, or they are missing or damaged.</exception>
    public async Task<bool> MountAsync(string folder, Action<string> log, CancellationToken cancellationToken = default)
    {
        if (!Directory.Exists(folder)) throw new FailureException($"{folder} is no folder; make it first");
        var hasRoot = false;
        await UseAsync(async () =>
        {
            var (volumes, size) = await MapLocalAsync(cancellationToken).ConfigureAwait(false);
            await MountLocalAsync(folder, cancellationToken).ConfigureAwait(false);
            hasRoot = await TryMountRootAsync(volumes, size, folder, log, cancellationToken).ConfigureAwait(false);
            var local = Directory.CreateDirectory(Path.Combine(folder, "local")).FullName;
            await runner.RunAsync(ExternalCommand.Of("mount", DeviceMapper.PathOf(Local), local), cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        return hasRoot;
    }

    /// <summary>Lets the node begin anew at its next start, as its own <c>node reset</c> does: for one that does not boot.</summary>
    /// <param name="withLocal">Whether <c>local</c> goes too. Then nothing of the node is read: it is as one that was never started.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The node is not fenced, it was never started, or its <c>local</c> volume is damaged and is to stay.</exception>
    public async Task ResetAsync(bool withLocal, Action<string> log, CancellationToken cancellationToken = default)
    {
        await UseAsync(() => withLocal ? RenewAsync(cancellationToken) : ResetRootAsync(log, cancellationToken), cancellationToken).ConfigureAwait(false);
        await UnmountAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Does something with the node's volumes; when that fails, none of them stays here.</summary>
    private async Task UseAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        if (IsMapped) throw new FailureException($"the volumes of {node.Name} are in use here already; 'virtualinux node unmount {node.Name}' ends that");
        await storage.BorrowAsync(node, cancellationToken).ConfigureAwait(false);
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception)
        {
            await UnmountAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Unmounts and unmaps whatever of the node is on this machine. Then others may have it.</summary>
    /// <exception cref="ExternalCommandException">Somebody uses it.</exception>
    public async Task UnmountAsync(CancellationToken cancellationToken = default)
    {
        await ReleaseAsync(cancellationToken).ConfigureAwait(false);
        await _mapper.RemoveAsync(Local, cancellationToken).ConfigureAwait(false);
        await storage.Exclusion.ReturnAsync(storage.Holder, node.Cluster.Ip, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Unmounts all, and unmaps all but <c>local</c>.</summary>
    private async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        foreach (var device in (string[])[Local, Root])
            while (await IsMountedAsync(device, cancellationToken).ConfigureAwait(false))
                await runner.RunAsync(ExternalCommand.Of("umount", DeviceMapper.PathOf(device)), cancellationToken).ConfigureAwait(false);
        // The order in which they stand on each other.
        foreach (var device in (string[])[Root, Device("pool"), Device("data"), Device("meta"), Device("origin"), NodeVolumes.DataOf(Device("origin"))])
            await _mapper.RemoveAsync(device, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Maps <c>local</c> and the metadata of the node's pool.</summary>
    /// <returns>The site's volumes, and the size of the pool's data.</returns>
    private async Task<(NodeVolumes Volumes, ByteSize Size)> MapLocalAsync(CancellationToken cancellationToken)
    {
        var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var volumes = new NodeVolumes(runner, group, storage.Lvm.DevicesOf(group));
        var local = await volumes.MapAsync(NodeVolumes.LocalName(node.Name), Local, readOnly: false, cancellationToken).ConfigureAwait(false);
        await volumes.MapAsync(NodeVolumes.MetadataName(node.Name), Device("meta"), readOnly: false, cancellationToken).ConfigureAwait(false);
        return (volumes, new ByteSize(group.SizeOf(group.Find(NodeVolumes.StoreName(node.Name))!)));
    }

    private async Task MountLocalAsync(string folder, CancellationToken cancellationToken)
    {
        var local = DeviceMapper.PathOf(Local);
        if (NodeVolumes.IsBlank(local))
        {
            FreshVolume.Require(node.Name, local, DeviceMapper.PathOf(Device("meta")));
            throw new FailureException($"{node.Name} has never been started: nothing is on its volumes");
        }
        try
        {
            await runner.RunAsync(ExternalCommand.Of("mount", local, folder), cancellationToken).ConfigureAwait(false);
        }
        catch (ExternalCommandException e)
        {
            throw new FailureException($"the local volume of {node.Name} cannot be mounted: {e.Message}. {NodeVolumes.HowToMendLocal(node.Name)}", e);
        }
    }

    private PoolMetadata Metadata(ByteSize size, string folder, Action<string> log) =>
        new(runner, node.Name, DeviceMapper.PathOf(Device("meta")), size, Path.Combine(folder, RootRecord.FolderName), log);

    /// <summary>Mounts the root where <c>local</c> is mounted, which has its record and the room for a repair; where that fails, nothing is mounted there.</summary>
    private async Task<bool> TryMountRootAsync(NodeVolumes volumes, ByteSize size, string folder, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            await MapRootAsync(volumes, size, folder, log, cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(ExternalCommand.Of("mount", DeviceMapper.PathOf(Root), folder), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log($"only the local volume of {node.Name} can be mounted: {e.Message}");
            await ReleaseAsync(CancellationToken.None).ConfigureAwait(false);
            return false;
        }
    }

    private async Task MapRootAsync(NodeVolumes volumes, ByteSize size, string folder, Action<string> log, CancellationToken cancellationToken)
    {
        var record = RootRecord.Read(folder) ?? throw new FailureException($"{node.Name} has no root yet");
        if (!record.ToThinRoot().IsUsed) throw new FailureException($"the root of {node.Name} begins anew at its next start");
        var state = await Metadata(size, folder, log).PrepareAsync(isUsed: true, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("umount", folder), cancellationToken).ConfigureAwait(false);

        // Without its hash tree an origin tells nobody when it is not what was written.
        var (site, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        var image = site.Find(manifest, record.Image);
        if (image.RootDigest != record.RootDigest) throw new FailureException($"the root of {node.Name} stands on {record.Image} with digest {record.RootDigest[..12]}, and the site has {image.RootDigest[..12]}; a root is never put over another origin");
        var data = await volumes.MapAsync(NodeVolumes.StoreName(node.Name), Device("data"), readOnly: false, cancellationToken).ConfigureAwait(false);
        var origin = record.Image == BootRecord.Read().Image
            ? DeviceMapper.PathOf(NodeVolumes.OriginDevice)
            : await volumes.MapOriginAsync(image, Device("origin"), cancellationToken).ConfigureAwait(false);
        var pool = await _mapper.CreateAsync(Device("pool"), NodeVolumes.PoolTable(DeviceMapper.PathOf(Device("meta")), data, size.Bytes), cancellationToken: cancellationToken).ConfigureAwait(false);
        await _mapper.CreateAsync(Root, string.Create(CultureInfo.InvariantCulture, $"0 {RootSize(origin) / 512} thin {pool} {record.ThinId} {origin}\n"), cancellationToken: cancellationToken).ConfigureAwait(false);
        if (state is PoolState.Repaired) await NodeVolumes.CheckFileSystemAsync(runner, node.Name, DeviceMapper.PathOf(Root), log, cancellationToken).ConfigureAwait(false);
    }

    private async Task ResetRootAsync(Action<string> log, CancellationToken cancellationToken)
    {
        var (_, size) = await MapLocalAsync(cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(Mount);
        await MountLocalAsync(Mount, cancellationToken).ConfigureAwait(false);
        await NoteResetAsync(Mount, node.Name, Metadata(size, Mount, log), log, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes the record with which a node's next boot begins its root anew. A pool that cannot be used goes with it, and so does one whose roots have no record.</summary>
    /// <param name="local">Where the node's <c>local</c> volume is mounted.</param>
    /// <param name="name">Name of the node.</param>
    /// <param name="metadata">The metadata of its pool.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends it.</param>
    internal static async Task NoteResetAsync(string local, string name, PoolMetadata metadata, Action<string> log, CancellationToken cancellationToken)
    {
        if (RootRecord.Read(local) is not { } record)
        {
            metadata.BeginAnew();
            return;
        }
        var next = record.Reset(withLocal: false);
        try
        {
            if (record.ToThinRoot().IsPoolUsed) await metadata.PrepareAsync(isUsed: true, cancellationToken).ConfigureAwait(false);
            next.Write(local);
        }
        catch (PoolBeyondRepairException)
        {
            log($"the pool of {name} is beyond repair and begins anew too{(record.Kept.Count > 0 ? $": the root over {record.Kept[0].Image} is lost with it" : "")}");
            (next with { Kept = [] }).Write(local);
            metadata.BeginAnew();
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        await MapLocalAsync(cancellationToken).ConfigureAwait(false);
        // As long as the pool has roots, a local volume that is fresh is refused as damaged.
        FreshVolume.Write(DeviceMapper.PathOf(Local));
        FreshVolume.Write(DeviceMapper.PathOf(Device("meta")));
    }

    private long RootSize(string origin)
    {
        using var device = BlockDevice.Open(origin, writable: false);
        return Math.Max(storage.Manifest.Volumes.Root.Bytes, device.Size);
    }

    private string Device(string part) => $"vl-{node.Name}-{part}";

    private async Task<bool> IsMountedAsync(string device, CancellationToken cancellationToken) =>
        (await runner.RunAsync(ExternalCommand.Of("findmnt", "--noheadings", "--output", "TARGET", DeviceMapper.PathOf(device)).Accepting(), cancellationToken).ConfigureAwait(false)).Output.Trim().Length > 0;
}
