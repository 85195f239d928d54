using VirtuaLinux.Host;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>Creates, reads and commits the volume group of a site with LVM's programs. Nothing is ever activated by LVM.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="partitions">The partitions that are the physical volumes, that of the first LUN first: it alone holds the metadata, so that a commit is one write.</param>
public sealed class LvmTools(ICommandRunner runner, params IReadOnlyList<string> partitions)
{
    /// <summary>Name of the volume group of every site.</summary>
    public const string GroupName = "virtualinux";

    /// <summary>Makes the physical volume and an empty group, over whatever was there.</summary>
    /// <exception cref="ExternalCommandException">LVM failed.</exception>
    public async Task CreateAsync(CancellationToken cancellationToken = default)
    {
        await runner.RunAsync(Lvm("pvcreate", "-ff", "-y", "--zero", "y", "--metadatasize", $"{SanLayout.MetadataSize.Bytes}b", partitions[0]), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(Lvm("vgcreate", "--autobackup", "n", "-s", $"{SanLayout.ExtentSize.Bytes}b", GroupName, partitions[0]), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds a partition to the group; does nothing when it is in it.</summary>
    /// <param name="group">The group as it is.</param>
    /// <param name="partition">One of this object's partitions; its start is overwritten.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ExternalCommandException">LVM failed.</exception>
    public async Task AddAsync(VolumeGroup group, string partition, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.PhysicalVolumes.Any(p => p.Device == partition)) return;
        await runner.RunAsync(Lvm("pvcreate", "-ff", "-y", "--zero", "y", "--pvmetadatacopies", "0", partition), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(Lvm("vgextend", "--autobackup", "n", GroupName, partition), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes the size of a partition over into the group.</summary>
    /// <exception cref="ExternalCommandException">LVM failed.</exception>
    public Task ResizeAsync(string partition, CancellationToken cancellationToken = default) => runner.RunAsync(Lvm("pvresize", partition), cancellationToken);

    /// <summary>Reads the group; null if the partition has none.</summary>
    /// <exception cref="FailureException">LVM failed, or the metadata is not of this product.</exception>
    public async Task<VolumeGroup?> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (await ReadTextAsync(cancellationToken).ConfigureAwait(false) is not { } text) return null;
        return VolumeGroup.TryParse(text, out var group, out var reason) ? group : throw new FailureException($"{partitions[0]}: volume group {GroupName} is not as this product makes it: {reason}");
    }

    /// <summary>Reads the group's metadata as LVM writes them for a backup; null if the partition has none.</summary>
    /// <exception cref="FailureException">LVM failed.</exception>
    public async Task<string?> ReadTextAsync(CancellationToken cancellationToken = default)
    {
        var file = Path.Combine(Path.GetTempPath(), $"virtualinux-{Guid.NewGuid():N}.vg");
        try
        {
            var result = await runner.RunAsync(Lvm("vgcfgbackup", "--readonly", "-f", file, GroupName).Accepting(), cancellationToken).ConfigureAwait(false);
            if (result.ExitCode != 0) return result.Error.Contains("not found", StringComparison.Ordinal) ? null : throw new FailureException($"vgcfgbackup of {partitions[0]} failed: {result.Error.Trim()}");
            return await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Commits the group as it is given, all its new volumes at once.</summary>
    /// <exception cref="FailureException">LVM refused it; the old metadata is still there.</exception>
    public async Task CommitAsync(VolumeGroup group, CancellationToken cancellationToken = default)
    {
        var file = Path.Combine(Path.GetTempPath(), $"virtualinux-{Guid.NewGuid():N}.vg");
        try
        {
            await File.WriteAllTextAsync(file, VolumeGroupWriter.Write(group), cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(Lvm("vgcfgrestore", "-y", "-f", file, GroupName), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Path of each physical volume by its name in the metadata.</summary>
    /// <exception cref="FailureException">One of them is on a LUN that is not there.</exception>
    public IReadOnlyDictionary<string, string> DevicesOf(VolumeGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.PhysicalVolumes.ToDictionary(p => p.Name, p => partitions.FirstOrDefault(d => d == p.Device)
            ?? throw new FailureException($"the volume group {LvmTools.GroupName} needs the physical volume {p.Id}, which is on none of {string.Join(", ", partitions)}; see that the array shows all LUNs of the site to this machine"));
    }

    private ExternalCommand Lvm(string command, params IReadOnlyList<string> arguments) =>
        ExternalCommand.Of("lvm", command, "--config", Configuration).With(arguments)
            .WithEnvironment("DM_DISABLE_UDEV", "1").WithEnvironment("LVM_SUPPRESS_FD_WARNINGS", "1").WithTimeout(TimeSpan.FromMinutes(5));

    // These devices and no other, whatever a host's own lvm.conf says; no udev, no archive files, no daemon (lvm.conf(5)).
    private string Configuration =>
        $"devices {{ use_devicesfile=0 filter=[{string.Concat(partitions.Select(p => $"\"a|^{p}$|\","))}\"r|.*|\"] preferred_names=[\"^/dev/mapper/\"] global_filter=[\"a|.*|\"] obtain_device_list_from_udev=0 external_device_info_source=\"none\" }} " +
        "activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 } global { use_lvmlockd=0 use_lvmpolld=0 event_activation=0 locking_dir=\"/run/lock/lvm\" }";
}
