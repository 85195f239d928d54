using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Lvm;

/// <summary>
/// An LVM volume group as its text metadata describes it. Nodes read it and map its linear volumes with device-mapper; whoever installs adds
/// any number of volumes to it and commits them at once (vgcfgrestore(8)), so that creating n volumes takes time linear in n.
/// </summary>
public sealed record VolumeGroup
{
    /// <summary>Name of the group.</summary>
    public required string Name { get; init; }

    /// <summary>LVM's identifier.</summary>
    public required string Id { get; init; }

    /// <summary>Version of the metadata.</summary>
    public required long Sequence { get; init; }

    /// <summary>Extent size in sectors of 512 bytes.</summary>
    public required long ExtentSectors { get; init; }

    /// <summary>Physical volumes.</summary>
    public required IReadOnlyList<PhysicalVolume> PhysicalVolumes { get; init; }

    /// <summary>Logical volumes, in the metadata's order.</summary>
    public required IReadOnlyList<LogicalVolume> Volumes { get; init; }

    /// <summary>The volume of that name, or null.</summary>
    public LogicalVolume? Find(string name) => Volumes.FirstOrDefault(v => v.Name == name);

    /// <summary>Number of extents that no volume uses.</summary>
    public long FreeExtents => PhysicalVolumes.Sum(p => p.Count) - Volumes.Sum(v => v.Extents);

    /// <summary>Size of a volume in bytes.</summary>
    public long SizeOf(LogicalVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        return volume.Extents * ExtentSectors * 512;
    }

    /// <summary>Offset of a volume's first byte on its physical volume, that of its first segment, in bytes.</summary>
    public long OffsetOf(LogicalVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var first = volume.Segments[0];
        return (PhysicalVolumes.First(p => p.Name == first.PhysicalVolume).Start + first.First * ExtentSectors) * 512;
    }

    /// <summary>Reads the metadata as vgcfgbackup(8) writes it.</summary>
    /// <returns>False with a reason: not this format, or a volume that is not linear.</returns>
    public static bool TryParse(string text, out VolumeGroup group, out string reason)
    {
        group = null!;
        if (!LvmText.TryParse(text, out var root, out reason)) return false;
        var (name, section) = root.Sections.FirstOrDefault();
        if (section is null || section["extent_size"] is not long extentSectors || section["id"] is not string id || section["seqno"] is not long sequence)
        {
            reason = "no volume group with id, seqno and extent_size";
            return false;
        }
        var physical = new List<PhysicalVolume>();
        foreach (var (pvName, pv) in section.Section("physical_volumes").Sections)
        {
            if (pv["id"] is not string pvId || pv["pe_start"] is not long start || pv["pe_count"] is not long count)
            {
                reason = $"physical volume '{pvName}' lacks id, pe_start or pe_count";
                return false;
            }
            physical.Add(new PhysicalVolume(pvName, pvId, start, count, pv["device"] as string));
        }
        var volumes = new List<LogicalVolume>();
        foreach (var (lvName, lv) in section.Section("logical_volumes").Sections)
        {
            if (!TryReadVolume(lvName, lv, out var volume, out reason)) return false;
            volumes.Add(volume);
        }
        group = new VolumeGroup { Name = name, Id = id, Sequence = sequence, ExtentSectors = extentSectors, PhysicalVolumes = physical, Volumes = volumes };
        return true;
    }

    /// <summary>Adds a volume on the first free extents.</summary>
    /// <param name="name">Its name, which no other volume has.</param>
    /// <param name="size">Its size, rounded up to whole extents.</param>
    /// <param name="readOnly">Whether LVM shall only ever map it read-only.</param>
    /// <param name="tags">What to note about it.</param>
    /// <exception cref="InvalidOperationException">The name is taken, or the extents do not suffice.</exception>
    public VolumeGroup Add(string name, ByteSize size, bool readOnly, params IReadOnlyList<string> tags) => Add([new NewVolume(name, size, readOnly, tags)]);

    /// <summary>Adds volumes on the first free extents, in time linear in their number.</summary>
    /// <exception cref="InvalidOperationException">A name is taken, or the extents do not suffice.</exception>
    public VolumeGroup Add(IEnumerable<NewVolume> volumes)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        var names = Volumes.Select(v => v.Name).ToHashSet();
        var free = new FreeSpace(this);
        List<LogicalVolume> all = [.. Volumes];
        foreach (var volume in volumes)
        {
            if (!names.Add(volume.Name)) throw new InvalidOperationException($"volume '{volume.Name}' exists");
            all.Add(new LogicalVolume(volume.Name, NewId(), volume.ReadOnly, volume.Tags, free.Take(volume.Name, ExtentsOf(volume.Size))));
        }
        return all.Count == Volumes.Count ? this : this with { Volumes = all };
    }

    /// <summary>Adds extents to a volume; the group itself if it has that size already.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Its size afterwards, rounded up to whole extents.</param>
    /// <exception cref="InvalidOperationException">There is no such volume, or the extents do not suffice.</exception>
    public VolumeGroup Extend(string name, ByteSize size)
    {
        var volume = Find(name) ?? throw new InvalidOperationException($"volume '{name}' does not exist");
        var more = ExtentsOf(size) - volume.Extents;
        if (more <= 0) return this;
        var segments = volume.Segments.ToList();
        foreach (var added in new FreeSpace(this).Take(name, more))
            if (segments[^1] is var last && last.PhysicalVolume == added.PhysicalVolume && last.First + last.Count == added.First) segments[^1] = last with { Count = last.Count + added.Count };
            else segments.Add(added);
        return this with { Volumes = [.. Volumes.Select(v => v == volume ? v with { Segments = segments } : v)] };
    }

    /// <summary>Takes volumes out; their extents are free then.</summary>
    public VolumeGroup Remove(params IReadOnlyCollection<string> names) => this with { Volumes = [.. Volumes.Where(v => !names.Contains(v.Name))] };

    private long ExtentsOf(ByteSize size) => (size.Bytes + ExtentSectors * 512 - 1) / (ExtentSectors * 512);

    /// <summary>The linear targets of a volume, for <c>dmsetup create</c> (dmsetup(8), TABLE FORMAT).</summary>
    /// <param name="volume">One of this group.</param>
    /// <param name="devices">Path of the device of each physical volume, by name.</param>
    public string Table(LogicalVolume volume, IReadOnlyDictionary<string, string> devices)
    {
        ArgumentNullException.ThrowIfNull(volume);
        ArgumentNullException.ThrowIfNull(devices);
        var table = new StringBuilder();
        long at = 0;
        foreach (var segment in volume.Segments)
        {
            var physical = PhysicalVolumes.First(p => p.Name == segment.PhysicalVolume);
            var sectors = segment.Count * ExtentSectors;
            table.Append(CultureInfo.InvariantCulture, $"{at} {sectors} linear {devices[physical.Name]} {physical.Start + segment.First * ExtentSectors}\n");
            at += sectors;
        }
        return table.ToString();
    }

    /// <summary>A new identifier in LVM's form.</summary>
    private static string NewId()
    {
        var letters = RandomNumberGenerator.GetString("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 32);
        return string.Join('-', letters[..6], letters[6..10], letters[10..14], letters[14..18], letters[18..22], letters[22..26], letters[26..]);
    }

    private IEnumerable<LinearSegment> FreeSegments()
    {
        foreach (var physical in PhysicalVolumes)
        {
            long next = 0;
            foreach (var used in Volumes.SelectMany(v => v.Segments).Where(s => s.PhysicalVolume == physical.Name).OrderBy(s => s.First))
            {
                if (used.First > next) yield return new LinearSegment(physical.Name, next, used.First - next);
                next = used.First + used.Count;
            }
            if (next < physical.Count) yield return new LinearSegment(physical.Name, next, physical.Count - next);
        }
    }

    private static bool TryReadVolume(string name, LvmSection section, out LogicalVolume volume, out string reason)
    {
        var segments = new List<LinearSegment>();
        volume = null!;
        foreach (var (_, segment) in section.Sections.OrderBy(s => s.Value["start_extent"] as long? ?? 0))
        {
            if (segment["type"] as string != "striped" || segment["stripe_count"] as long? != 1 || segment["extent_count"] is not long count
                || segment["stripes"] is not List<object> { Count: 2 } stripes || stripes[0] is not string pv || stripes[1] is not long first)
            {
                reason = $"volume '{name}' is not linear";
                return false;
            }
            segments.Add(new LinearSegment(pv, first, count));
        }
        var status = section["status"] as List<object> ?? [];
        var tags = section["tags"] as List<object> ?? [];
        volume = new LogicalVolume(name, section["id"] as string ?? "", !status.Contains("WRITE"), [.. tags.OfType<string>()], segments);
        reason = "";
        return true;
    }

    /// <summary>What no volume uses, given away from its start.</summary>
    private sealed class FreeSpace(VolumeGroup group)
    {
        private readonly Queue<LinearSegment> _segments = new(group.FreeSegments());
        private LinearSegment? _rest;
        private long _extents = group.FreeExtents;

        public List<LinearSegment> Take(string name, long needed)
        {
            if (needed > _extents) throw new InvalidOperationException($"volume '{name}' needs {needed} extents of {group.ExtentSectors / 2048} MiB, and {_extents} are free");
            _extents -= needed;
            var taken = new List<LinearSegment>();
            while (needed > 0)
            {
                var next = _rest ?? _segments.Dequeue();
                var count = Math.Min(needed, next.Count);
                taken.Add(next with { Count = count });
                _rest = count == next.Count ? null : next with { First = next.First + count, Count = next.Count - count };
                needed -= count;
            }
            return taken;
        }
    }
}
