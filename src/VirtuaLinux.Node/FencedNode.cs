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
    private readonly DeviceMapper _mapper = new(runner);

    private string Root => Device("root");

    private string Local => Device("local");

    /// <summary>Whether something of the node is mapped on this machine.</summary>
    public bool IsMapped => File.Exists(DeviceMapper.PathOf(Local));

    /// <summary>Mounts the node's root, and <c>local</c> within it.</summary>
    /// <param name="folder">Where; it must be there.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends it; what was mapped is unmapped.</param>
    /// <exception cref="FailureException">The node is not fenced, another node has its volumes, or they are missing or damaged.</exception>
    public async Task MountAsync(string folder, Action<string> log, CancellationToken cancellationToken = default)
    {
        if (!Directory.Exists(folder)) throw new FailureException($"{folder} is no folder; make it first");
        if (IsMapped) throw new FailureException($"the volumes of {node.Name} are in use here already; 'virtualinux node unmount {node.Name}' ends that");
        await storage.BorrowAsync(node, cancellationToken).ConfigureAwait(false);
        try
        {
            await MapAsync(folder, log, cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(ExternalCommand.Of("mount", DeviceMapper.PathOf(Root), folder), cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(ExternalCommand.Of("mount", DeviceMapper.PathOf(Local), Path.Combine(folder, "local")), cancellationToken).ConfigureAwait(false);
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
        foreach (var device in (string[])[Local, Root])
            while (await IsMountedAsync(device, cancellationToken).ConfigureAwait(false))
                await runner.RunAsync(ExternalCommand.Of("umount", DeviceMapper.PathOf(device)), cancellationToken).ConfigureAwait(false);
        // The order in which they stand on each other.
        foreach (var device in (string[])[Root, Device("pool"), Device("data"), Device("meta"), Device("origin"), Local])
            await _mapper.RemoveAsync(device, cancellationToken).ConfigureAwait(false);
        await storage.Exclusion.ReturnAsync(storage.Holder, node.Cluster.Ip, cancellationToken).ConfigureAwait(false);
    }

    private async Task MapAsync(string folder, Action<string> log, CancellationToken cancellationToken)
    {
        var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var volumes = new NodeVolumes(runner, group, storage.Lvm.DevicesOf(group));
        var local = await volumes.MapAsync(NodeVolumes.LocalName(node.Name), Local, readOnly: false, cancellationToken).ConfigureAwait(false);
        var metadata = await volumes.MapAsync(NodeVolumes.MetadataName(node.Name), Device("meta"), readOnly: false, cancellationToken).ConfigureAwait(false);
        if (NodeVolumes.IsBlank(local))
        {
            FreshVolume.Require(node.Name, local, metadata);
            throw new FailureException($"{node.Name} has never been started: nothing is on its volumes");
        }
        var data = await volumes.MapAsync(NodeVolumes.StoreName(node.Name), Device("data"), readOnly: false, cancellationToken).ConfigureAwait(false);
        var size = new ByteSize(group.SizeOf(group.Find(NodeVolumes.StoreName(node.Name))!));

        // The record of its root and the room for a repair are on local, which goes into the root then.
        await runner.RunAsync(ExternalCommand.Of("mount", local, folder), cancellationToken).ConfigureAwait(false);
        var record = RootRecord.Read(folder) ?? throw new FailureException($"{node.Name} has no root yet");
        var state = await new PoolMetadata(runner, node.Name, metadata, size, Path.Combine(folder, RootRecord.FolderName), log).PrepareAsync(isUsed: true, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("umount", folder), cancellationToken).ConfigureAwait(false);

        var origin = record.Image == BootRecord.Read().Image
            ? DeviceMapper.PathOf(NodeVolumes.OriginDevice)
            : await volumes.MapOriginAsync(record.Image, Device("origin"), cancellationToken).ConfigureAwait(false);
        var pool = await _mapper.CreateAsync(Device("pool"), NodeVolumes.PoolTable(metadata, data, size.Bytes), cancellationToken: cancellationToken).ConfigureAwait(false);
        try
        {
            await _mapper.CreateAsync(Root, string.Create(CultureInfo.InvariantCulture, $"0 {RootSize(origin) / 512} thin {pool} {record.ThinId} {origin}\n"), cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ExternalCommandException e) when (record.RenderedSerial == 0)
        {
            throw new FailureException($"the root of {node.Name} was to begin anew at its next start, and is not there yet", e);
        }
        if (state is PoolState.Repaired) await NodeVolumes.CheckFileSystemAsync(runner, node.Name, DeviceMapper.PathOf(Root), log, cancellationToken).ConfigureAwait(false);
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
