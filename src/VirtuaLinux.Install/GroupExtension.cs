using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Lets the site's volume group have what the array gave to its LUNs, and further LUNs, while all nodes run: they take it over when they next look at the group.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="log">Takes a line.</param>
public sealed class GroupExtension(ICommandRunner runner, NodeStorage storage, Action<string> log)
{
    /// <summary>Name of the one partition of a further LUN: it tells whose it is, should an extension be interrupted (36 characters, UEFI specification section 5.3.3).</summary>
    internal static string MarkOf(Manifest manifest) => $"VL-{manifest.SiteId:N}";

    /// <summary>What there is to be had.</summary>
    /// <param name="add">WWID of a LUN to add, or null.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The steps, none when nothing has grown.</returns>
    /// <exception cref="FailureException">A LUN has shrunk, or the one to add cannot be taken.</exception>
    public async Task<IReadOnlyList<ExtensionStep>> PlanAsync(string? add, CancellationToken cancellationToken = default)
    {
        var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var steps = new List<ExtensionStep>();
        foreach (var physical in group.PhysicalVolumes)
        {
            var lun = storage.Luns.First(l => l.Partition == physical.Device);
            await lun.RescanAsync(runner, storage.Transport, cancellationToken).ConfigureAwait(false);
            if (Grown(lun, physical, group) is { } grown) steps.Add(grown);
        }
        if (add is not null && await AddedAsync(add, group, cancellationToken).ConfigureAwait(false) is { } added) steps.Add(added);
        return steps;
    }

    /// <summary>LUNs of the site's target that are not the site's, by WWID, with their disks.</summary>
    public async Task<IReadOnlyList<(string Wwid, string Disk)>> OthersAsync(CancellationToken cancellationToken = default)
    {
        await ScanAsync(() => Others().Count > 0, cancellationToken).ConfigureAwait(false);
        return Others();
    }

    private IReadOnlyList<(string Wwid, string Disk)> Others() =>
        [.. storage.Transport.Luns().Where(l => l.Wwid.Length > 0 && storage.Luns.All(s => s.Wwid != l.Wwid)).Select(l => (l.Wwid, l.Disk)).DistinctBy(l => l.Wwid)];

    /// <summary>Looks for further LUNs: the kernel makes the disks of those that it finds in its own time, and says nothing when there are none.</summary>
    private async Task ScanAsync(Func<bool> isThere, CancellationToken cancellationToken)
    {
        storage.Transport.Scan();
        for (var wait = 0; wait < 50 && !isThere(); wait++) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Carries the plan out. A power cut leaves a site that works; the same command goes on from there.</summary>
    /// <param name="add">WWID of a LUN to add, or null.</param>
    /// <param name="planned">What the administrator saw.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    /// <returns>The group that rules now.</returns>
    /// <exception cref="FailureException">Something else is to be had meanwhile, or the SAN refused.</exception>
    public async Task<VolumeGroup> ApplyAsync(string? add, IReadOnlyList<ExtensionStep> planned, CancellationToken cancellationToken = default)
    {
        await storage.WithLeaseAsync(async lease =>
        {
            if (!(await PlanAsync(add, cancellationToken).ConfigureAwait(false)).SequenceEqual(planned)) throw new FailureException("the LUNs have changed since the plan was made; nothing was done, look at it again");
            foreach (var step in planned)
            {
                await lease.RequireAsync(cancellationToken).ConfigureAwait(false);
                await (step switch
                {
                    ExtensionStep.Grow grow => GrowAsync(grow.Lun, lease),
                    ExtensionStep.Add lun => AddAsync(lun, lease),
                    _ => throw new InvalidOperationException($"{step} is no step"),
                }).ConfigureAwait(false);
            }
        }, cancellationToken).ConfigureAwait(false);
        return await storage.ReadGroupAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private static ExtensionStep.Grow? Grown(SiteLun lun, PhysicalVolume physical, VolumeGroup group)
    {
        using var disk = BlockDevice.Open(lun.Disk, writable: false);
        var table = GuidPartitionTable.Read(disk);
        var partition = table.Partitions[^1];
        if (partition.Last > table.LastUsableOf(disk.Size)) throw new FailureException($"{lun.Disk} (WWID {lun.Wwid}) has {new ByteSize(disk.Size).ToRoundedString()}, less than its partitions: the array has made it smaller, and what lay at its end is gone; give it its size back");
        var extents = (table.LastUsableOf(disk.Size) - partition.First + 1 - physical.Start) / group.ExtentSectors - physical.Count;
        return extents > 0 ? new ExtensionStep.Grow(lun, new ByteSize(disk.Size), extents * group.ExtentSectors * 512) : null;
    }

    private async Task<ExtensionStep.Add?> AddedAsync(string wwid, VolumeGroup group, CancellationToken cancellationToken)
    {
        if (group.PhysicalVolumes.Any(p => storage.Luns.First(l => l.Partition == p.Device).Wwid == wwid)) return null;
        await ScanAsync(() => SiteLun.Find(storage.Transport, wwid) is not null, cancellationToken).ConfigureAwait(false);
        var disk = SiteLun.Find(storage.Transport, wwid)?.Disk ?? throw new FailureException($"target {storage.Manifest.San!.Target} has no LUN with WWID {wwid}; it has {string.Join(", ", Others().Select(o => o.Wwid).DefaultIfEmpty("no LUN but the site's"))}");
        var isBegun = await RefuseAsync(wwid, disk, cancellationToken).ConfigureAwait(false);
        using var device = BlockDevice.Open(disk, writable: false);
        var gain = (device.Size - ExtensionStep.Add.Overhead) / SanLayout.ExtentSize.Bytes * SanLayout.ExtentSize.Bytes;
        return gain > 0 ? new ExtensionStep.Add(wwid, disk, new ByteSize(device.Size), gain, isBegun) : throw new FailureException($"{disk} (WWID {wwid}) has {new ByteSize(device.Size).ToRoundedString()}, less than one extent");
    }

    /// <summary>Refuses a LUN that cannot be the site's.</summary>
    /// <returns>Whether an extension of this site was interrupted on it.</returns>
    private async Task<bool> RefuseAsync(string wwid, string disk, CancellationToken cancellationToken)
    {
        var block = SiteLun.BlockSizeOf(disk);
        if (block != 512) throw new FailureException($"{disk} (WWID {wwid}) has blocks of {block} bytes, and a site's LUNs have 512; let the array present it with 512 (512e)");
        var lun = ISharedDisk.Of(runner, disk);
        if (storage.Key is not null && !await lun.CanFenceAsync(cancellationToken).ConfigureAwait(false)) throw new FailureException($"{disk} (WWID {wwid}) has no persistent reservations that last, as the site's first LUN has: a node could not be fenced there");
        if (storage.Key is not null && (await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(k => storage.Manifest.Nodes.All(n => n.Cluster.Ip != k.Node)) is { Value: not 0 } stranger)
            throw new FailureException($"{disk} (WWID {wwid}) is in use: {stranger.Node?.ToString() ?? stranger.ToString()}, which is not of this site, is registered with it");
        if (await ForeignData.DescribeAsync(runner, disk, cancellationToken).ConfigureAwait(false) is not { } found) return false;
        using var device = BlockDevice.Open(disk, writable: false);
        return IsMarked(device) ? true : throw new FailureException($"{disk} (WWID {wwid}) is not empty: {found}; if nobody needs that, clear it with 'wipefs --all {disk}' and 'blkdiscard --zeroout {disk}', and try again");
    }

    private bool IsMarked(BlockDevice device)
    {
        try
        {
            return GuidPartitionTable.Read(device).Partitions is [var only] && only.Name == MarkOf(storage.Manifest);
        }
        catch (FailureException)
        {
            return false;
        }
    }

    private async Task GrowAsync(SiteLun lun, SanLease lease)
    {
        using (var disk = BlockDevice.Open(lun.Disk, writable: true))
        {
            var table = GuidPartitionTable.Read(disk);
            if (table.Partitions[^1].Last < table.LastUsableOf(disk.Size)) table.Grow(disk);
        }
        await lun.RescanAsync(runner, storage.Transport).ConfigureAwait(false);
        await lease.RequireAsync().ConfigureAwait(false);
        await storage.Lvm.ResizeAsync(lun.Partition).ConfigureAwait(false);
    }

    /// <summary>In an order in which each instant is a whole site: marked, named in the site's state, joined by this node, and only then a part of the group.</summary>
    private async Task AddAsync(ExtensionStep.Add step, SanLease lease)
    {
        if (!step.IsBegun) await runner.RunAsync(ExternalCommand.Of("sfdisk", "--wipe", "always", "--no-tell-kernel", step.Disk).WithInput(SanLayout.MemberScript(MarkOf(storage.Manifest)))).ConfigureAwait(false);
        await SiteLun.WaitAsync(storage.Transport, step.Wwid).ConfigureAwait(false);
        await new SiteCommit(runner, storage, log).CommitAsync(lease, (state, manifest) => (state.Luns.Contains(step.Wwid) ? state : state with { Luns = [.. state.Luns, step.Wwid] }, manifest)).ConfigureAwait(false);
        var group = await storage.ReadGroupAsync().ConfigureAwait(false);
        await lease.RequireAsync().ConfigureAwait(false);
        await storage.Lvm.AddAsync(group, storage.Luns.First(l => l.Wwid == step.Wwid).Partition).ConfigureAwait(false);
    }
}

/// <summary>One LUN's part in an extension.</summary>
public abstract record ExtensionStep
{
    private ExtensionStep() { }

    /// <summary>A line for people.</summary>
    public abstract string Line { get; }

    /// <summary>The array has grown a LUN of the group.</summary>
    /// <param name="Lun">The LUN.</param>
    /// <param name="Size">Its size now.</param>
    /// <param name="Gain">What the group gets, in bytes of whole extents.</param>
    public sealed record Grow(SiteLun Lun, ByteSize Size, long Gain) : ExtensionStep
    {
        /// <inheritdoc/>
        public override string Line => $"LUN {Lun.Wwid} ({Lun.Disk}) was grown to {Size.ToRoundedString()}: the volume group gets {new ByteSize(Gain).ToRoundedString()}";
    }

    /// <summary>A further LUN joins the group.</summary>
    /// <param name="Wwid">Its WWID.</param>
    /// <param name="Disk">The disk on this machine.</param>
    /// <param name="Size">Its size.</param>
    /// <param name="Gain">What the group gets at least, in bytes.</param>
    /// <param name="IsBegun">Whether this goes on with an extension that was interrupted; otherwise the LUN is empty.</param>
    public sealed record Add(string Wwid, string Disk, ByteSize Size, long Gain, bool IsBegun) : ExtensionStep
    {
        /// <summary>Bytes of a further LUN that are not extents: partition table with its copy, LVM's header, alignment.</summary>
        internal const long Overhead = 4 << 20;

        /// <inheritdoc/>
        public override string Line => $"LUN {Wwid} ({Disk}, {Size.ToRoundedString()}), {(IsBegun ? "where an extension was interrupted" : "which is empty")}, joins the volume group, which gets {new ByteSize(Gain).ToRoundedString()}";
    }
}
