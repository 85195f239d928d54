using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Brings a site back from its backup onto an empty SAN, up to the step from which an installation goes on: origin and roots are written again from the image, and what lay on <c>local</c> is there.</summary>
/// <param name="context">What an installation works with.</param>
public sealed class SiteRestore(InstallContext context)
{
    private const string Device = "vl-restore", Mount = "/run/virtualinux/restore";

    private readonly DeviceMapper _mapper = new(context.Runner);

    /// <summary>Looks at all that could be in the way; nothing is written.</summary>
    /// <exception cref="FailureException">The first obstacle.</exception>
    public async Task CheckAsync(BackupContents backup, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(backup);
        var content = await SanInspection.InspectThoroughlyAsync(context.Runner, context.Site, context.Disk, cancellationToken).ConfigureAwait(false);
        ByteSize size;
        using (var disk = BlockDevice.Open(context.Disk, writable: false)) size = new ByteSize(disk.Size);
        var alive = content is SanContent.Blank ? await LiveNodes.FindAsync(context.Runner, backup.Manifest.Nodes.Where(n => n.Cluster.Ip != context.Self.Cluster.Ip), cancellationToken).ConfigureAwait(false) : [];
        if (Obstacle(backup, context.Site, context.Image, content, size, alive) is { } obstacle) throw new FailureException($"{context.Disk} (WWID {SiteLun.WwidOf(context.Disk)}): {obstacle}; nothing was written");
    }

    /// <summary>Why a backup cannot be restored; null if it can.</summary>
    /// <param name="backup">The backup.</param>
    /// <param name="site">The site file.</param>
    /// <param name="image">The image on the medium.</param>
    /// <param name="content">What is on the LUN.</param>
    /// <param name="size">Size of the LUN.</param>
    /// <param name="alive">Nodes of the site that answer.</param>
    public static string? Obstacle(BackupContents backup, Site site, ImageInfo image, SanContent content, ByteSize size, IReadOnlyList<string> alive)
    {
        ArgumentNullException.ThrowIfNull(backup);
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(alive);
        var name = backup.Manifest.Name;
        return content switch
        {
            SanContent.Ours { Journal: var journal } when journal.SiteId != backup.Manifest.SiteId => $"the LUN carries site '{journal.Site}' ({journal.SiteId}), and the backup is of site '{name}' ({backup.Manifest.SiteId}); give the restored site an empty LUN",
            SanContent.Ours => $"the LUN carries site '{name}' itself; a backup is restored onto an empty LUN only",
            SanContent.Foreign foreign => $"the LUN is not empty: it carries {foreign.Description}; give the site an empty LUN, or clear this one if nobody needs that",
            _ when site.Name != name => $"the site file describes site '{site.Name}', and the backup is of site '{name}'",
            _ when site.Volumes != backup.Manifest.Volumes => $"site.yaml: volumes: the site had root {backup.Manifest.Volumes.Root}, local {backup.Manifest.Volumes.Local}, shared {backup.Manifest.Volumes.Shared}, reserve {backup.Manifest.Volumes.Reserve}; write that back",
            _ when string.Join(", ", backup.Manifest.Nodes.Select(n => n.Name).Except(site.Nodes.Select(n => n.Name))) is { Length: > 0 } lacking => $"site.yaml: nodes: {lacking} is in the backup and not in the file; write it there, and take it out of the site when it is restored",
            _ when alive.Count > 0 => $"{string.Join(", ", alive)} of the site answer; two copies of a site must not run, switch the old one off",
            _ when Required(backup, site, image) is var needed && needed > size => $"the LUN has {size.ToRoundedString()}, and the site needs {needed.ToRoundedString()}; give it a larger one",
            _ => null,
        };
    }

    /// <summary>Size of the LUN that the restored site needs: <c>local</c> volumes keep the size that they had.</summary>
    public static ByteSize Required(BackupContents backup, Site site, ImageInfo image)
    {
        ArgumentNullException.ThrowIfNull(backup);
        ArgumentNullException.ThrowIfNull(site);
        var grown = backup.Locals.Keys.Sum(n => LocalSize(backup, n).Bytes - VolumeSizes.InExtents(site.Volumes.Local));
        return new ByteSize(VolumeSizes.Required(site.Volumes, Math.Max(site.Nodes.Count, backup.Manifest.Nodes.Count), image).Bytes + Math.Max(0, grown));
    }

    /// <summary>Restores. The whole backup was read and checked before; a power cut leaves a LUN on which it can be done again.</summary>
    /// <param name="path">The file.</param>
    /// <param name="backup">What <see cref="BackupFile.ReadAsync"/> found in it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">There is an obstacle, or the SAN failed.</exception>
    public async Task RunAsync(string path, BackupContents backup, CancellationToken cancellationToken = default)
    {
        await CheckAsync(backup, cancellationToken).ConfigureAwait(false);
        // A LUN that was cleared may still be reserved for machines of what it carried.
        await new Exclusion(ISharedDisk.Of(context.Runner, context.Disk)).TakeOverAsync(context.Self.Cluster.Ip, cancellationToken).ConfigureAwait(false);
        await new StorageSteps(context).PartitionAsync(cancellationToken).ConfigureAwait(false);
        var lvm = new LvmTools(context.Runner, SanLayout.Partition(context.Disk, 3));
        await lvm.CreateAsync(cancellationToken).ConfigureAwait(false);
        var empty = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{context.Disk} has no volume group though it was just made");
        await lvm.CommitAsync(Locals(empty, backup), cancellationToken).ConfigureAwait(false);
        var group = (await lvm.ReadAsync(cancellationToken).ConfigureAwait(false))!;
        var volumes = new NodeVolumes(context.Runner, group, lvm.DevicesOf(group));
        await BackupFile.ReadAsync(path, (node, files) => FillAsync(volumes, node, files, cancellationToken), cancellationToken).ConfigureAwait(false);
        using var journal = BlockDevice.Open(SanLayout.Partition(context.Disk, 2), writable: true);
        // The site's identity first: with a journal and without it, an installation would make another one.
        (backup.State with { Luns = [] }).Write(journal);
        JournalOf(backup).Write(journal);
        context.Console.Say($"site {backup.Manifest.Name} is restored up to its volumes; the installation goes on with its origin and roots");
    }

    /// <summary>The volume group with what the backup fills; the rest is made by the installation.</summary>
    /// <param name="empty">A new group.</param>
    /// <param name="backup">The backup.</param>
    public static VolumeGroup Locals(VolumeGroup empty, BackupContents backup)
    {
        ArgumentNullException.ThrowIfNull(backup);
        return backup.Info.Nodes.Aggregate(empty, (group, node) => group.Add(NodeVolumes.LocalName(node), LocalSize(backup, node), readOnly: false, "virtualinux.local"));
    }

    private static ByteSize LocalSize(BackupContents backup, string node) =>
        new(backup.Group.Find(NodeVolumes.LocalName(node)) is { } volume ? backup.Group.SizeOf(volume) : VolumeSizes.InExtents(backup.Manifest.Volumes.Local));

    private Journal JournalOf(BackupContents backup) => new()
    {
        Site = backup.Manifest.Name,
        SiteId = backup.Manifest.SiteId,
        // The medium's image: it need not be the one that the site had, since all roots begin anew.
        Image = context.Image.Image,
        RootDigest = context.Image.RootDigest,
        Step = InstallStep.CreateVolumeGroup,
        Holder = context.Self.Name,
    };

    private async Task FillAsync(NodeVolumes volumes, string node, Stream files, CancellationToken cancellationToken)
    {
        context.Console.Say($"  local volume of {node}");
        var device = await volumes.MapAsync(NodeVolumes.LocalName(node), Device, readOnly: false, cancellationToken).ConfigureAwait(false);
        await context.Runner.RunAsync(RootAssembly.MakeLocal(device), cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(Mount);
        await context.Runner.RunAsync(ExternalCommand.Of("mount", "-t", "ext4", device, Mount), cancellationToken).ConfigureAwait(false);
        try
        {
            // What a node notes of its root is of a root that is gone.
            await VolumeArchive.ExtractAsync(context.Runner, files, Mount, RootRecord.FolderName, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await context.Runner.RunAsync(ExternalCommand.Of("umount", Mount), CancellationToken.None).ConfigureAwait(false);
            await _mapper.RemoveAsync(Device, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
