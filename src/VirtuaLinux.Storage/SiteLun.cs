using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>A LUN that holds extents of the site's volume group. The first one carries the journal and the site's state too; the others are named there by their WWID, since every machine finds them in an order of its own.</summary>
/// <param name="Wwid">World-wide identifier; empty for a first LUN that has none.</param>
/// <param name="Disk">The whole LUN, such as <c>/dev/sda</c>.</param>
/// <param name="Partition">Its partition that is a physical volume.</param>
public sealed record SiteLun(string Wwid, string Disk, string Partition)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The LUN that the site file names.</summary>
    public static SiteLun First(string disk) => new(WwidOf(disk), disk, SanLayout.Partition(disk, 3));

    /// <summary>A further LUN, if this machine sees it now.</summary>
    public static SiteLun? Find(ISanTransport transport, string wwid)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return transport.FindLun(wwid) is { } disk ? new SiteLun(wwid, disk, SanLayout.Partition(disk, 1)) : null;
    }

    /// <summary>World-wide identifier of a disk, or of what a multipath device leads to, as the kernel shows it, such as <c>naa.…</c>, <c>t10.…</c> or <c>uuid.…</c>; empty if it has none.</summary>
    public static string WwidOf(string disk)
    {
        var block = $"/sys/class/block/{Path.GetFileName(MultipathDisk.PathsOf(disk).FirstOrDefault(disk))}";
        try
        {
            // That of a SCSI disk, and that of an NVMe namespace.
            return File.ReadAllText(((string[])[$"{block}/device/wwid", $"{block}/wwid"]).First(File.Exists)).Trim();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return ""; // a LUN without the page of identifiers (SPC-5, VPD page 83h)
        }
    }

    /// <summary>Size of a LUN's logical blocks, in bytes.</summary>
    /// <param name="disk">The whole LUN, such as <c>/dev/sda</c>, or a multipath device.</param>
    public static int BlockSizeOf(string disk) => int.Parse(File.ReadAllText($"/sys/class/block/{Path.GetFileName(MultipathDisk.PathsOf(disk)[0])}/queue/logical_block_size"), CultureInfo.InvariantCulture);

    /// <summary>All LUNs of the site, the first one first; this machine looks for what it does not see yet.</summary>
    /// <param name="transport">The SAN.</param>
    /// <param name="disk">The first LUN.</param>
    /// <param name="state">The site's state, which names the others.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FailureException">A LUN of the site is not there.</exception>
    public static async Task<IReadOnlyList<SiteLun>> AttachAsync(ISanTransport transport, string disk, SanState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        var luns = new List<SiteLun> { First(disk) };
        foreach (var wwid in state.Luns) luns.Add(await WaitAsync(transport, wwid, cancellationToken).ConfigureAwait(false));
        return luns;
    }

    /// <summary>All LUNs of the site whose first one this is; that alone where no finished site is.</summary>
    /// <exception cref="FailureException">A LUN of the site is not there, or its state cannot be read.</exception>
    public static async Task<IReadOnlyList<SiteLun>> AttachAsync(ISanTransport transport, string disk, CancellationToken cancellationToken = default)
    {
        SanState? state;
        using (var journal = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: false)) state = SanState.Read(journal);
        return state is null ? [First(disk)] : await AttachAsync(transport, disk, state, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A further LUN with its partition.</summary>
    /// <exception cref="FailureException">It is not there.</exception>
    public static async Task<SiteLun> WaitAsync(ISanTransport transport, string wwid, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        for (var deadline = DateTime.UtcNow + Patience; ; await Task.Delay(200, cancellationToken).ConfigureAwait(false))
        {
            if (await transport.AttachAsync(wwid, cancellationToken).ConfigureAwait(false) is { } disk) return new SiteLun(wwid, disk, SanLayout.Partition(disk, 1));
            if (DateTime.UtcNow > deadline) throw new FailureException($"the LUN with WWID {wwid}, which holds a part of the site's volume group, is not there; see that the array shows it to this machine");
        }
    }

    /// <summary>Asks the array for the size of the LUN, and takes the partition's end from its table: both may have changed since this machine looked, and the volumes on it are in use.</summary>
    /// <exception cref="FailureException">The kernel refused.</exception>
    public async Task RescanAsync(ICommandRunner runner, ISanTransport transport, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(transport);
        await transport.RescanAsync(Disk, cancellationToken).ConfigureAwait(false);
        if (MultipathDisk.Is(Disk)) return; // its partitions were mapped anew
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
