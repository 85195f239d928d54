using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>A LUN that holds extents of the site's volume group. The first one carries the journal and the site's state too; the others are named there by their WWID, since every machine finds them in an order of its own.</summary>
/// <param name="Wwid">World-wide identifier; empty for a first LUN that has none.</param>
/// <param name="Disk">The whole LUN, such as <c>/dev/sda</c>.</param>
/// <param name="Partition">Its partition that is a physical volume.</param>
public sealed record SiteLun(string Wwid, string Disk, string Partition)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The LUN that the site file names.</summary>
    public static SiteLun First(string disk) => new(IscsiInitiator.WwidOf(disk), disk, SanLayout.Partition(disk, 3));

    /// <summary>A further LUN, if this machine sees it now.</summary>
    public static SiteLun? Find(SiteSan san, string wwid)
    {
        ArgumentNullException.ThrowIfNull(san);
        return IscsiInitiator.FindLun(san with { Wwid = wwid }) is { } disk ? new SiteLun(wwid, disk, SanLayout.Partition(disk, 1)) : null;
    }

    /// <summary>All LUNs of the site, the first one first; this machine looks for what it does not see yet.</summary>
    /// <param name="runner">Runs programs.</param>
    /// <param name="san">The SAN.</param>
    /// <param name="disk">The first LUN.</param>
    /// <param name="state">The site's state, which names the others.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FailureException">A LUN of the site is not there.</exception>
    public static async Task<IReadOnlyList<SiteLun>> AttachAsync(ICommandRunner runner, SiteSan san, string disk, SanState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(state);
        var luns = new List<SiteLun> { First(disk) };
        foreach (var wwid in state.Luns) luns.Add(await WaitAsync(runner, san, wwid, cancellationToken).ConfigureAwait(false));
        return luns;
    }

    /// <summary>All LUNs of the site whose first one this is; that alone where no finished site is.</summary>
    /// <exception cref="FailureException">A LUN of the site is not there, or its state cannot be read.</exception>
    public static async Task<IReadOnlyList<SiteLun>> AttachAsync(ICommandRunner runner, SiteSan san, string disk, CancellationToken cancellationToken = default)
    {
        SanState? state;
        using (var journal = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: false)) state = SanState.Read(journal);
        return state is null ? [First(disk)] : await AttachAsync(runner, san, disk, state, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A further LUN with its partition.</summary>
    /// <exception cref="FailureException">It is not there.</exception>
    public static async Task<SiteLun> WaitAsync(ICommandRunner runner, SiteSan san, string wwid, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        // What this machine booted with counts: the site may name other portals by now.
        var several = IscsiInitiator.FindLun(san) is { } first && MultipathDisk.Is(first);
        for (var deadline = DateTime.UtcNow + Patience; ; await Task.Delay(200, cancellationToken).ConfigureAwait(false))
        {
            if (Find(san, wwid) is not { } lun) Scan();
            else if (File.Exists(lun.Partition) && MultipathDisk.Is(lun.Disk) == several) return lun;
            else if (several) await new MultipathDisk(runner).EnsureAsync(IscsiInitiator.FindPaths(san with { Wwid = wwid }), cancellationToken).ConfigureAwait(false);
            else await runner.RunAsync(ExternalCommand.Of("blockdev", "--rereadpt", lun.Disk).Accepting(), cancellationToken).ConfigureAwait(false);
            if (DateTime.UtcNow > deadline) throw new FailureException($"the LUN with WWID {wwid}, which holds a part of the site's volume group, is not there; see that the array shows it to this machine");
        }
    }

    /// <summary>Asks the targets of all sessions for LUNs that this machine does not see yet (the kernel's scsi_transport_iscsi, user scan).</summary>
    public static void Scan()
    {
        const string hosts = "/sys/class/iscsi_host";
        if (!Directory.Exists(hosts)) return;
        foreach (var host in Directory.GetDirectories(hosts)) File.WriteAllText($"/sys/class/scsi_host/{Path.GetFileName(host)}/scan", "- - -");
    }

    /// <summary>Asks the array for the size of the LUN, and takes the partition's end from its table: both may have changed since this machine looked, and the volumes on it are in use.</summary>
    /// <exception cref="FailureException">The kernel refused.</exception>
    public async Task RescanAsync(ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        if (MultipathDisk.Is(Disk))
        {
            await new MultipathDisk(runner).RescanAsync(Disk, cancellationToken).ConfigureAwait(false);
            return;
        }
        var rescan = $"/sys/class/block/{Path.GetFileName(Disk)}/device/rescan";
        if (File.Exists(rescan)) await File.WriteAllTextAsync(rescan, "1", cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", Disk), cancellationToken).ConfigureAwait(false);
        var number = Partition.AsSpan(Partition.AsSpan().TrimEnd("0123456789").Length);
        // Other partitions of the disk, and this one, are in use: it alone is told its new end (BLKPG_RESIZE_PARTITION).
        await runner.RunAsync(ExternalCommand.Of("partx", "--update", "--nr", number.ToString(), Disk), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Size of the partition as this machine's kernel knows it, in bytes.</summary>
    public long PartitionSize()
    {
        var file = Path.Combine(MultipathDisk.SysfsOf(Partition), "size");
        return File.Exists(file) ? long.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture) * 512 : 0;
    }
}
