using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>What a site's move to another array will do, and what is in its way.</summary>
/// <param name="Manifest">The site as it is.</param>
/// <param name="Group">Its volume group.</param>
/// <param name="Site">The site file: its <c>san</c> is the new array.</param>
/// <param name="From">The LUN that the site is on.</param>
/// <param name="To">The LUN that it moves to.</param>
/// <param name="CanFence">Whether the new array can shut a node out.</param>
/// <param name="Foreign">Data on it that is destroyed; null for a blank LUN.</param>
public sealed record MovePlan(Manifest Manifest, VolumeGroup Group, Site Site, MoveLun From, MoveLun To, bool CanFence, string? Foreign)
{
    /// <summary>Bytes of the volumes.</summary>
    public long Size => Group.Volumes.Sum(Group.SizeOf);

    /// <summary>Size of the LUN that the site's volumes need; room to grow is not in it.</summary>
    public ByteSize Required => new(SanLayout.Overhead.Bytes + Size);

    /// <summary>Why the site cannot be moved; null if it can.</summary>
    public string? Obstacle()
    {
        if (Difference(Manifest, Site) is { } difference) return difference;
        if (From.Disk == To.Disk || From.Wwid.Length > 0 && From.Wwid == To.Wwid) return $"formerSan: it leads to the LUN that san: names ({To.Disk}, WWID {To.Wwid}); name the new array's under san:";
        if (To.BlockSize != From.BlockSize) return $"the new LUN {To.Disk} has blocks of {To.BlockSize} bytes, and the site's has {From.BlockSize}; let the array present it with {From.BlockSize}";
        return To.Size < Required ? $"the new LUN {To.Disk} has {To.Size.ToRoundedString()}, and the site's volumes need {Required.ToRoundedString()}; give it a larger one" : null;
    }

    /// <summary>What a site file says otherwise than the site, beside its SAN; null for nothing.</summary>
    public static string? Difference(Manifest manifest, Site site)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(site);
        if (manifest.Name != site.Name) return $"the site file describes site '{site.Name}', and the old array carries '{manifest.Name}'";
        var change = SiteChange.To(manifest, site with { San = manifest.San });
        if (change.Obstacle() is { } obstacle) return obstacle;
        return change.IsEmpty ? null : $"site.yaml says otherwise than the site, and not only of its SAN: {string.Join("; ", change.Lines())}; write that back, and change it when the site has moved";
    }

    /// <summary>The plan in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"PLAN: site '{Manifest.Name}' moves to another array";
        yield return $"  from       {From.Describe()}, target {Manifest.San!.Target} at {string.Join(", ", Manifest.San.Portals)}";
        yield return $"  to         {To.Describe()}, target {Site.San!.Target} at {string.Join(", ", Site.San.Portals)}";
        yield return Foreign is null ? "  destroys   nothing: the new LUN is blank, and the old one stays as it is" : $"  DESTROYS   {Foreign}, on the new LUN";
        yield return $"  copies     {Group.Volumes.Count} volumes, {new ByteSize(Size).ToRoundedString()}, each read back and compared; {new ByteSize(To.Size.Bytes - Required.Bytes).ToRoundedString()} are free afterwards";
        yield return $"  manifest   {Manifest.Serial} -> {Manifest.Serial + 1}, in the last step: until then the old array is the site, from then on the new one";
        yield return $"  meanwhile  no node may run; {string.Join(", ", Manifest.Nodes.Select(n => n.Name))} have to be off, and who is registered with the old LUN is shut out of it";
        if (!CanFence) yield return "  BEWARE     the new array can shut nobody out (it has no persistent reservations that last, or is reached over NVMe/TCP, where none are used): a node that hangs cannot be fenced there, only powered off";
    }
}

/// <summary>A LUN of a move.</summary>
/// <param name="Disk">Its path on this machine.</param>
/// <param name="Wwid">World-wide identifier; empty if it has none.</param>
/// <param name="Size">Its size.</param>
/// <param name="BlockSize">Size of its logical blocks, in bytes.</param>
public sealed record MoveLun(string Disk, string Wwid, ByteSize Size, int BlockSize)
{
    /// <summary>The LUN in words.</summary>
    public string Describe() => $"{Disk}, {Size.ToRoundedString()}, WWID {Wwid}";
}
