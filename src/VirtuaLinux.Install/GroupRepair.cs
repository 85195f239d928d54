using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Writes the metadata of a volume group that LVM cannot read any more anew, over data that are whole, from the one node that runs.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
public sealed class GroupRepair(ICommandRunner runner, NodeStorage storage)
{
    /// <summary>What would be written; nothing is changed. It is the newest that can be had: what LVM wrote before is beside what was damaged, and often newer than a backup.</summary>
    /// <param name="path">A backup of the site.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The group can be read, another node may run, the backup is another site's, or the metadata are older than what the site has.</exception>
    public async Task<RepairPlan> PlanAsync(string path, CancellationToken cancellationToken = default)
    {
        var backup = await BackupFile.ReadAsync(path, cancellationToken: cancellationToken).ConfigureAwait(false);
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        if (backup.Manifest.SiteId != manifest.SiteId || backup.State.CaCertificate != state.CaCertificate) throw new FailureException($"{path} is a backup of site {backup.Manifest.Name} ({backup.Manifest.SiteId}), and this is {manifest.Name} ({manifest.SiteId}); nothing was changed");
        await storage.AttachAsync(cancellationToken).ConfigureAwait(false);
        var lvm = storage.Lvm;
        var damage = await lvm.DamageAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{storage.Partition}: the volume group can be read; there is nothing to repair");
        await LiveNodes.SeeThatTheyAreGoneAsync(runner, storage.Lun, storage.Exclusion, storage.Key is not null, [.. manifest.Nodes.Where(n => n.Name != storage.Self.Name)], cancellationToken).ConfigureAwait(false);

        var plan = await lvm.FindNewestAsync(backup.Group.Id, cancellationToken).ConfigureAwait(false) is (var text, var group) && group.Sequence >= backup.Group.Sequence
            ? new RepairPlan(damage, "what LVM wrote before, which is still on the LUN", text, group)
            : new RepairPlan(damage, $"the backup of {backup.Info.Made:yyyy-MM-dd HH:mm} UTC", backup.GroupText, backup.Group);
        if (plan.Missing(manifest) is { } missing) throw Older(plan, $"the site has {missing}, which is not in it");
        var volumes = new NodeVolumes(runner, plan.Group, lvm.DevicesByLabel(plan.Group));
        if (await volumes.MappedOtherwiseAsync(storage.Self.Name, cancellationToken).ConfigureAwait(false) is { } moved) throw Older(plan, $"this node has {moved} mapped otherwise");
        if (volumes.SmallerThanItsPool() is { } grown) throw Older(plan, $"{grown} has grown since");
        return plan;
    }

    /// <summary>Writes what was planned. A power cut leaves a group that cannot be read, as before; the same command does it again.</summary>
    /// <param name="path">A backup of the site.</param>
    /// <param name="planned">What the administrator saw.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    /// <returns>The group, as it is read now.</returns>
    /// <exception cref="FailureException">Something is not as it was planned, or LVM failed.</exception>
    public async Task<VolumeGroup> ApplyAsync(string path, RepairPlan planned, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(planned);
        VolumeGroup? group = null;
        await storage.WithLeaseAsync(async lease =>
        {
            var plan = await PlanAsync(path, cancellationToken).ConfigureAwait(false);
            if (plan.Text != planned.Text) throw new FailureException("the volume group has changed since the plan was made; nothing was done, look at it again");
            var devices = storage.Lvm.DevicesByLabel(plan.Group);
            await lease.RequireAsync(cancellationToken).ConfigureAwait(false);
            await storage.Lvm.RepairAsync(plan.Text, plan.Group.PhysicalVolumes.First(p => devices[p.Name] == storage.Partition), CancellationToken.None).ConfigureAwait(false);
            group = await storage.ReadGroupAsync(CancellationToken.None).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        return group!;
    }

    private FailureException Older(RepairPlan plan, string why) => new($"{storage.Partition}: the newest metadata that can be had ({plan.Source}) are older than the site: {why}. Nothing was changed: take a newer backup, or make the site anew from this one on another LUN with 'virtualinux backup restore'");
}

/// <summary>What a repair of the volume group writes.</summary>
/// <param name="Damage">Why the group cannot be read, in LVM's words.</param>
/// <param name="Source">Where the metadata come from.</param>
/// <param name="Text">The metadata, as LVM wrote them.</param>
/// <param name="Group">The same, read.</param>
public sealed record RepairPlan(string Damage, string Source, string Text, VolumeGroup Group)
{
    /// <summary>A volume that the site needs and the metadata do not have; null for none.</summary>
    public string? Missing(Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var needed = manifest.Nodes.SelectMany(n => (string[])[NodeVolumes.MetadataName(n.Name), NodeVolumes.StoreName(n.Name), NodeVolumes.LocalName(n.Name)])
            .Concat(manifest.Images.Select(i => i.Image).Append(manifest.Image).Distinct().SelectMany(i => (string[])[NodeVolumes.OriginName(i), NodeVolumes.BootName(i)]));
        if (manifest.Volumes.Shared.Bytes > 0) needed = needed.Append(NodeVolumes.SharedName);
        return needed.FirstOrDefault(n => Group.Find(n) is null);
    }

    /// <summary>The plan in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"damaged: {Damage}";
        yield return $"written: label and metadata {Group.Sequence} with {Group.Volumes.Count} volumes, from {Source}";
        yield return "not touched: the volumes themselves";
    }
}
