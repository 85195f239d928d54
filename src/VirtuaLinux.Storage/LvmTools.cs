using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>Creates, reads and commits the volume group of a site with LVM's programs. Nothing is ever activated by LVM.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="partitions">The partitions that are the physical volumes, that of the first LUN first: it alone holds the metadata, so that a commit is one write.</param>
public sealed partial class LvmTools(ICommandRunner runner, params IReadOnlyList<string> partitions)
{
    /// <summary>Name of the volume group of every site.</summary>
    public const string GroupName = "virtualinux";

    /// <summary>What to do about a group that cannot be read.</summary>
    public const string RepairAdvice = "nodes that run go on with what they have mapped, and none can start: let one run, switch the others off, and give 'virtualinux storage repair --from BACKUP' there";

    // Where pvcreate(8) puts them on a device with blocks of 512 bytes: the label into the second sector, the metadata's header behind 4 KiB.
    private const int LabelOffset = 512, HeaderOffset = 4096;

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
    /// <exception cref="FailureException">LVM failed, or the metadata are damaged or not of this product.</exception>
    public async Task<VolumeGroup?> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (await ReadTextAsync(cancellationToken).ConfigureAwait(false) is not { } text) return null;
        return VolumeGroup.TryParse(text, out var group, out var reason) ? group : throw new FailureException($"{partitions[0]}: volume group {GroupName} is not as this product makes it: {reason}");
    }

    /// <summary>Reads the group's metadata as LVM writes them for a backup; null if the partition has none.</summary>
    /// <exception cref="FailureException">LVM failed, or the metadata are damaged.</exception>
    public async Task<string?> ReadTextAsync(CancellationToken cancellationToken = default)
    {
        var (text, words) = await TryReadAsync(cancellationToken).ConfigureAwait(false);
        if (text is not null || !HasMetadata()) return text;
        throw new FailureException($"{partitions[0]}: the LVM metadata of the volume group {GroupName} are damaged ({words}); nothing was changed: {RepairAdvice}");
    }

    /// <summary>Why the group cannot be read, in LVM's words; null if it can.</summary>
    /// <exception cref="FailureException">LVM failed.</exception>
    public async Task<string?> DamageAsync(CancellationToken cancellationToken = default) => await TryReadAsync(cancellationToken).ConfigureAwait(false) is { Text: null, Words: var words } ? words : null;

    /// <summary>The newest metadata of a group that are still somewhere in the place where LVM writes one version after the other; null where none can be read.</summary>
    /// <param name="id">LVM's identifier of the group: older sites may have left theirs.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<(string Text, VolumeGroup Group)?> FindNewestAsync(string id, CancellationToken cancellationToken = default)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"mda_offset={HeaderOffset} mda_size={SanLayout.MetadataSize.Bytes}");
        var found = await runner.RunAsync(Lvm("pvck", "--dump", "metadata_search", "--settings", place, partitions[0]).Accepting(), cancellationToken).ConfigureAwait(false);
        var copies = FoundCopy().Matches(found.Output).Where(m => m.Groups["id"].Value == id).OrderByDescending(m => long.Parse(m.Groups["sequence"].Value, CultureInfo.InvariantCulture));
        foreach (var copy in copies)
        {
            var file = TemporaryFile();
            try
            {
                await runner.RunAsync(Lvm("pvck", "--dump", "metadata_search", "--settings", $"{place} metadata_offset={copy.Groups["offset"].Value}", "-f", file, partitions[0]).Accepting(), cancellationToken).ConfigureAwait(false);
                if (File.Exists(file) && await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false) is var text && VolumeGroup.TryParse(text, out var group, out _)) return (text, group);
            }
            finally
            {
                File.Delete(file);
            }
        }
        return null;
    }

    [GeneratedRegex(@"metadata at (?<offset>\d+) length \d+ crc \w+ vg virtualinux seqno (?<sequence>\d+) id (?<id>\S+)")]
    private static partial Regex FoundCopy();

    /// <summary>Writes label and metadata of the group anew onto the first partition; no other byte is touched, so the volumes' data stay where they are (pvck(8), --repair).</summary>
    /// <param name="text">The metadata, as LVM writes them.</param>
    /// <param name="physical">The partition's physical volume among those of the text.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ExternalCommandException">LVM failed.</exception>
    public async Task RepairAsync(string text, PhysicalVolume physical, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(physical);
        var file = TemporaryFile();
        try
        {
            await File.WriteAllTextAsync(file, text, cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(Lvm("pvck", "-y", "--repair", "--settings", $"pv_uuid={physical.Id}", "-f", file, partitions[0]), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Path of each physical volume of a group whose metadata cannot be read, by name: those of the further partitions are known by their labels, and the one that is left is the first partition's.</summary>
    /// <exception cref="FailureException">They do not fit together.</exception>
    public IReadOnlyDictionary<string, string> DevicesByLabel(VolumeGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        var labels = partitions.Skip(1).ToDictionary(IdOf);
        var devices = group.PhysicalVolumes.ToDictionary(p => p.Name, p => labels.GetValueOrDefault(p.Id.Replace("-", "", StringComparison.Ordinal), partitions[0]));
        return devices.Values.Order(StringComparer.Ordinal).SequenceEqual(partitions.Order(StringComparer.Ordinal)) ? devices
            : throw new FailureException($"the metadata name the physical volumes {string.Join(", ", group.PhysicalVolumes.Select(p => p.Id))}, and those are not what is on {string.Join(", ", partitions)}; nothing was changed: take a newer backup");
    }

    /// <summary>The metadata, or why there are none.</summary>
    private async Task<(string? Text, string Words)> TryReadAsync(CancellationToken cancellationToken)
    {
        var file = TemporaryFile();
        try
        {
            var result = await runner.RunAsync(Lvm("vgcfgbackup", "--readonly", "-f", file, GroupName).Accepting(), cancellationToken).ConfigureAwait(false);
            if (result.ExitCode == 0) return (await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false), "");
            if (!result.Error.Contains($"\"{GroupName}\" not found", StringComparison.Ordinal)) throw new FailureException($"vgcfgbackup of {partitions[0]} failed: {result.Error.Trim()}");
            // The first line is the cause, and the others follow from it.
            return (null, result.Error.Trim().Split('\n')[0].Trim());
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Whether the first partition is a physical volume that is or was in a group: pvcreate(8) leaves a header without a place of metadata.</summary>
    private bool HasMetadata()
    {
        if (IdOf(partitions[0]).Length == 0) return false;
        using var device = BlockDevice.Open(partitions[0], writable: false);
        var header = new byte[512];
        device.Read(HeaderOffset, header);
        // Checksum, magic, version, start, size; then offset and size of the text (LVM2, lib/format_text/layout.h).
        return !header.AsSpan(4, 16).SequenceEqual(" LVM2 x[5A%r0N*>"u8) || header.AsSpan(40, 16).ContainsAnyExcept((byte)0);
    }

    /// <summary>Identifier of the physical volume that a partition's label names, without its dashes; empty for a partition without a label.</summary>
    private static string IdOf(string partition)
    {
        using var device = BlockDevice.Open(partition, writable: false);
        var label = new byte[512];
        device.Read(LabelOffset, label);
        return label.AsSpan(0, 8).SequenceEqual("LABELONE"u8) && label.AsSpan(24, 8).SequenceEqual("LVM2 001"u8) ? Encoding.ASCII.GetString(label, 32, 32) : "";
    }

    private static string TemporaryFile() => Path.Combine(Path.GetTempPath(), $"virtualinux-{Guid.NewGuid():N}.vg");

    /// <summary>Commits the group as it is given, all its new volumes at once.</summary>
    /// <exception cref="FailureException">LVM refused it; the old metadata is still there.</exception>
    public async Task CommitAsync(VolumeGroup group, CancellationToken cancellationToken = default)
    {
        var file = TemporaryFile();
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
