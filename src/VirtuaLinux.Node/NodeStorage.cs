using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Node;

/// <summary>The site's storage as a running node works on it.</summary>
public sealed class NodeStorage
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly ICommandRunner _runner;

    private NodeStorage(ICommandRunner runner, BootRecord record, Manifest manifest, string disk)
    {
        Manifest = manifest;
        Self = manifest.Nodes.FirstOrDefault(n => n.Name == record.Node) ?? throw new FailureException($"{record.Node} is not in the manifest");
        _runner = runner;
        Disk = disk;
        Lun = ISharedDisk.Of(runner, disk);
        Partition = SanLayout.Partition(disk, 3);
        Luns = [SiteLun.First(disk)];
        Key = record.ReservationKey is { } text && ReservationKey.TryParse(text, out var key) ? key : null;
    }

    /// <summary>The site as this node knows it.</summary>
    public Manifest Manifest { get; }

    /// <summary>This node.</summary>
    public ManifestNode Self { get; }

    /// <summary>How this node reaches the SAN.</summary>
    public ISanTransport Transport => ISanTransport.Of(_runner, Manifest.San!);

    /// <summary>The name by which the array knows this node.</summary>
    public string Initiator => Transport.NameOf(Manifest.Name, Self.Name, Self.Cluster.Mac);

    /// <summary>Path of the LUN.</summary>
    public string Disk { get; }

    /// <summary>What all nodes share of the LUN.</summary>
    public ISharedDisk Lun { get; }

    /// <summary>The LUNs of the volume group as they were when it was read last, the first one first.</summary>
    public IReadOnlyList<SiteLun> Luns { get; private set; }

    /// <summary>The volume group.</summary>
    public LvmTools Lvm => new(_runner, [.. Luns.Select(l => l.Partition)]);

    /// <summary>Path of the partition that holds the volume group.</summary>
    public string Partition { get; }

    /// <summary>The key of this boot; null on a SAN that can fence nobody.</summary>
    public ReservationKey? Key { get; }

    /// <summary>Who this boot is where something is held; the boot count is 0 on a SAN that can fence nobody.</summary>
    public ReservationKey Holder => Key ?? new ReservationKey(Self.Cluster.Ip, 0);

    /// <summary>Opens it.</summary>
    /// <exception cref="FailureException">This machine is not a node, the caller is not root, or the SAN is not there.</exception>
    public static NodeStorage Open(ICommandRunner runner)
    {
        if (!Environment.IsPrivilegedProcess) throw new FailureException("only root may do this; put sudo before the command");
        var record = BootRecord.Read();
        var (_, manifest) = NodeService.ReadSite();
        var san = manifest.San ?? throw new FailureException($"site {manifest.Name} has no SAN");
        return new NodeStorage(runner, record, manifest, ISanTransport.Of(runner, san).FindLun() ?? throw new FailureException($"no session to {san.Target}: the SAN is not there"));
    }

    /// <summary>A node of the site by its name.</summary>
    /// <exception cref="FailureException">There is none.</exception>
    public ManifestNode Find(string name) =>
        Manifest.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new FailureException($"no node '{name}' in site {Manifest.Name}; it has {string.Join(", ", Manifest.Nodes.Select(n => n.Name))}");

    /// <summary>Reads the manifest that rules, past this machine's memory.</summary>
    /// <exception cref="FailureException">It is not there, or not the site's.</exception>
    public async Task<Manifest> ReadManifestAsync(CancellationToken cancellationToken = default) => (await ReadSiteAsync(cancellationToken).ConfigureAwait(false)).Manifest;

    /// <summary>Reads the site's state and the manifest that rules, past this machine's memory.</summary>
    /// <exception cref="FailureException">It is not there, or not the site's.</exception>
    public async Task<(SanState State, Manifest Manifest)> ReadSiteAsync(CancellationToken cancellationToken = default)
    {
        await _runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", SanLayout.Partition(Disk, 2)), cancellationToken).ConfigureAwait(false);
        return NodeBoot.ReadSite(Disk);
    }

    /// <summary>Reads the volume group. LUNs that the site got, or that the array has grown, since this node looked are usable then.</summary>
    /// <exception cref="FailureException">It is not there, or one of its LUNs is not.</exception>
    public async Task<VolumeGroup> ReadGroupAsync(CancellationToken cancellationToken = default)
    {
        await AttachAsync(cancellationToken).ConfigureAwait(false);
        var group = await Lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{Partition} has no volume group {LvmTools.GroupName} any more: its LVM label is gone. Nothing was changed: {LvmTools.RepairAdvice}");
        var devices = Lvm.DevicesOf(group);
        foreach (var physical in group.PhysicalVolumes)
        {
            var lun = Luns.First(l => l.Partition == devices[physical.Name]);
            var end = (physical.Start + physical.Count * group.ExtentSectors) * 512;
            if (lun.PartitionSize() < end) await lun.RescanAsync(_runner, Transport, cancellationToken).ConfigureAwait(false);
            if (lun.PartitionSize() < end) throw new FailureException($"{lun.Partition} has {lun.PartitionSize()} bytes for this machine, and the volume group uses {end}; see that the array shows the whole LUN to this machine");
        }
        return group;
    }

    /// <summary>Takes over which LUNs the site has, and registers this node with those that are new to it. The volume group is not needed for it.</summary>
    /// <exception cref="FailureException">A LUN is not there, or this node was fenced.</exception>
    public async Task AttachAsync(CancellationToken cancellationToken = default)
    {
        var (state, manifest) = await ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        Luns = await SiteLun.AttachAsync(manifest.San is { } san ? ISanTransport.Of(_runner, san) : Transport, Disk, state, cancellationToken).ConfigureAwait(false);
        if (Key is { } key) await Exclusion.JoinAsync(Self.Name, key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Who is in or out, on all LUNs that <see cref="Luns"/> has.</summary>
    public Exclusion Exclusion => new(Lun, [.. Luns.Skip(1).Select(l => ISharedDisk.Of(_runner, l.Disk))]) { NameOf = Manifest.NameOf };

    /// <summary>Takes over which LUNs the site has as far as this node sees them: for fencing, which must not depend on anything else being in order.</summary>
    /// <returns>WWIDs of the LUNs that it does not see.</returns>
    public async Task<IReadOnlyList<string>> AttachVisibleAsync(CancellationToken cancellationToken = default)
    {
        SanState state;
        try
        {
            (state, _) = await ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException)
        {
            // The copy on the SAN is damaged: what this node has in memory names the LUNs too.
            (state, _) = NodeService.ReadSite();
        }
        if (state.Luns.Any(w => SiteLun.Find(Transport, w) is null)) Transport.Scan();
        var seen = state.Luns.Select(w => (Wwid: w, Lun: SiteLun.Find(Transport, w))).ToList();
        Luns = [SiteLun.First(Disk), .. seen.Select(s => s.Lun).OfType<SiteLun>()];
        return [.. seen.Where(s => s.Lun is null).Select(s => s.Wwid)];
    }

    /// <summary>The volumes of the group, to be mapped here.</summary>
    /// <exception cref="FailureException">The group is not there.</exception>
    public async Task<NodeVolumes> ReadVolumesAsync(CancellationToken cancellationToken = default)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        return new NodeVolumes(_runner, group, Lvm.DevicesOf(group));
    }

    /// <summary>Changes the volume group, as the only node that does so: reads it under the lease, lets <paramref name="change"/> make the next one of it, and commits that.</summary>
    /// <param name="change">The next group, or the same one for no change; what it must write before the commit (such as zeros) it may write.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <returns>The group that rules now.</returns>
    /// <exception cref="FailureException">Another node keeps the lease, or this one was fenced; nothing was changed.</exception>
    public async Task<VolumeGroup> ChangeAsync(Func<VolumeGroup, VolumeGroup> change, CancellationToken cancellationToken = default)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        await WithLeaseAsync(async lease => group = await ChangeAsync(lease, change, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return group;
    }

    /// <inheritdoc cref="ChangeAsync(Func{VolumeGroup, VolumeGroup}, CancellationToken)"/>
    /// <param name="lease">The lease, which the caller holds.</param>
    /// <param name="change">The next group, or the same one for no change.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    public Task<VolumeGroup> ChangeAsync(SanLease lease, Func<VolumeGroup, VolumeGroup> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(change);
        // Reading finds the LUNs that the commit goes to.
        return lease.ChangeAsync(ReadGroupAsync, group => Next(group, change), (next, token) => Lvm.CommitAsync(next, token), cancellationToken);
    }

    private VolumeGroup Next(VolumeGroup group, Func<VolumeGroup, VolumeGroup> change)
    {
        try
        {
            return change(group);
        }
        catch (InvalidOperationException e)
        {
            throw new FailureException($"{Partition}: {e.Message}; 'virtualinux storage ledger' shows what could be deleted", e);
        }
    }

    /// <summary>Notes that this node is about to map another one's volumes, to write them. Under the lease: nobody takes that node out of the site or deletes its volumes in between, and whoever wants to afterwards sees the note.</summary>
    /// <exception cref="FailureException">They are in use, or the node may use them itself.</exception>
    public async Task BorrowAsync(ManifestNode node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        await AttachAsync(cancellationToken).ConfigureAwait(false);
        await WithLeaseAsync(
            async _ =>
            {
                if ((await ReadManifestAsync(cancellationToken).ConfigureAwait(false)).Nodes.All(n => n.Name != node.Name)) throw new FailureException($"{node.Name} is not in the site any more");
                await Exclusion.BorrowAsync(Holder, node.Cluster.Ip, BorrowKind.Write, cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Does something that only one node may do at a time.</summary>
    /// <exception cref="FailureException">Another node keeps the lease.</exception>
    public async Task WithLeaseAsync(Func<SanLease, Task> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        // Callers on this node take turns: the lease knows nodes only.
        using var turn = await LockFile.TakeAsync("/run/lock/virtualinux-volumes.lock", Patience, cancellationToken).ConfigureAwait(false);
        await using var lease = await SanLease.TakeAsync(Lun, Holder, Self.Name, Patience, cancellationToken: cancellationToken).ConfigureAwait(false);
        await work(lease).ConfigureAwait(false);
    }
}
