using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>A LUN that is seen over several paths, as one device of the kernel's <c>multipath</c> target. The initrd makes it, with the names that multipathd(8) would give it, and <see cref="PathChecker"/> tends its paths.</summary>
public sealed partial class MultipathDisk(ICommandRunner runner)
{
    private const string MapperFolder = "/dev/mapper/";

    private readonly DeviceMapper _mapper = new(runner);

    /// <summary>Maps the paths of a LUN, and its partitions; what all paths together cannot reach waits until one can (dm-mpath, queue_if_no_path).</summary>
    /// <param name="paths">SCSI disks that are the same LUN, such as <c>/dev/sda</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Path of the device, such as <c>/dev/mapper/360…</c>.</returns>
    /// <exception cref="FailureException">The LUN has no identifier, or the paths lead to different ones.</exception>
    public async Task<string> CreateAsync(IReadOnlyList<string> paths, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var wwids = paths.Select(SiteLun.WwidOf).Distinct().ToList();
        if (wwids.Count != 1) throw new FailureException($"the SAN's portals lead to different LUNs: {string.Join(", ", paths.Select(p => $"{p} is {SiteLun.WwidOf(p)}"))}; correct san.portals in the site file, or give san.wwid");
        if (NameOf(wwids[0]) is not { } name) throw new FailureException($"the LUN has no identifier by which its paths could be known as one ('{wwids[0]}'): write one portal only into the site file, or let the array give the LUN an NAA or EUI identifier");
        var disk = await _mapper.CreateAsync(name, Table(SectorsOf(paths[0]), paths.Select(NumberOf)), uuid: $"mpath-{name}", cancellationToken: cancellationToken).ConfigureAwait(false);
        await MapPartitionsAsync(disk, cancellationToken).ConfigureAwait(false);
        return disk;
    }

    /// <summary>The multipath device over paths of a LUN, with its partitions as they are now.</summary>
    /// <exception cref="FailureException">There is none, and none can be made.</exception>
    public async Task EnsureAsync(IReadOnlyList<string> paths, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (Over(paths[0]) is { } disk) await MapPartitionsAsync(disk, cancellationToken).ConfigureAwait(false);
        else await CreateAsync(paths, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets a device use further paths, while it is in use.</summary>
    /// <exception cref="FailureException">The kernel refused.</exception>
    public Task AddAsync(string disk, IEnumerable<string> paths, CancellationToken cancellationToken = default) => ReplaceAsync(disk, [.. PathsOf(disk), .. paths], cancellationToken);

    /// <summary>Takes over what the array has grown a LUN by, on every path, while it is in use.</summary>
    /// <exception cref="FailureException">The kernel refused.</exception>
    public async Task RescanAsync(string disk, CancellationToken cancellationToken = default)
    {
        var paths = PathsOf(disk);
        foreach (var path in paths) await File.WriteAllTextAsync($"/sys/class/block/{Path.GetFileName(path)}/device/rescan", "1", cancellationToken).ConfigureAwait(false);
        await ReplaceAsync(disk, paths, cancellationToken).ConfigureAwait(false);
        await MapPartitionsAsync(disk, cancellationToken).ConfigureAwait(false);
    }

    private Task ReplaceAsync(string disk, IReadOnlyList<string> paths, CancellationToken cancellationToken) =>
        // A path that did not see the LUN grow yet must not serve more than it knows.
        _mapper.ReplaceAsync(Path.GetFileName(disk), Table(paths.Min(SectorsOf), paths.Select(NumberOf)), cancellationToken);

    /// <summary>Maps the partitions of a multipath device as its partition table has them now, also those that are in use: the kernel itself looks for none in a mapped device. Names are kpartx(8)'s.</summary>
    /// <exception cref="ExternalCommandException">The kernel refused a table.</exception>
    public async Task MapPartitionsAsync(string disk, CancellationToken cancellationToken = default)
    {
        var table = await runner.RunAsync(ExternalCommand.Of("sfdisk", "--json", disk).Accepting(), cancellationToken).ConfigureAwait(false);
        if (table.ExitCode != 0) return; // none yet
        foreach (var (number, start, size) in Partitions(table.Output))
        {
            var device = string.Create(CultureInfo.InvariantCulture, $"0 {size} linear {disk} {start}");
            var name = Path.GetFileName(SanLayout.Partition(disk, number));
            if (File.Exists(MapperFolder + name)) await _mapper.ReplaceAsync(name, device, cancellationToken).ConfigureAwait(false);
            else await _mapper.CreateAsync(name, device, uuid: string.Create(CultureInfo.InvariantCulture, $"part{number}-mpath-{Path.GetFileName(disk)}"), cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a disk is a mapped device.</summary>
    public static bool Is(string disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return disk.StartsWith(MapperFolder, StringComparison.Ordinal);
    }

    /// <summary>The multipath device that a SCSI disk is a path of; null if it is none's.</summary>
    public static string? Over(string path)
    {
        var holders = $"/sys/class/block/{Path.GetFileName(path)}/holders";
        if (!Directory.Exists(holders)) return null;
        var over = Directory.GetDirectories(holders).FirstOrDefault(h => Read(Path.Combine(h, "dm/uuid")).StartsWith("mpath-", StringComparison.Ordinal));
        return over is null ? null : MapperFolder + Read(Path.Combine(over, "dm/name"));
    }

    /// <summary>The SCSI disks that a disk is reached over; the disk itself, if it is not a multipath device.</summary>
    public static IReadOnlyList<string> PathsOf(string disk)
    {
        if (!Is(disk)) return [disk];
        var slaves = Path.Combine(SysfsOf(disk), "slaves");
        return Directory.Exists(slaves) ? [.. Directory.GetFileSystemEntries(slaves).Select(s => $"/dev/{Path.GetFileName(s)}").Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>The kernel's folder of a block device, whose name for a mapped device is its own.</summary>
    internal static string SysfsOf(string device)
    {
        const string blocks = "/sys/class/block";
        var name = Path.GetFileName(device);
        return Is(device) && Directory.GetDirectories(blocks, "dm-*").FirstOrDefault(d => Read(Path.Combine(d, "dm/name")) == name) is { } mapped ? mapped : Path.Combine(blocks, name);
    }

    /// <summary>The name that multipathd gives a LUN: udev's <c>ID_SERIAL</c>, which begins with the type of the designator (SPC-4, 7.8.6.1); null for an identifier of no known kind.</summary>
    /// <param name="wwid">As the kernel shows it, such as <c>naa.6000…</c>.</param>
    internal static string? NameOf(string wwid)
    {
        ArgumentNullException.ThrowIfNull(wwid);
        return wwid.Split('.', 2) switch
        {
            ["naa", { Length: > 0 } number] => $"3{number}",
            ["eui", { Length: > 0 } number] => $"2{number}",
            ["t10", var words] when words.Trim() is { Length: > 0 } text && !text.Contains('/', StringComparison.Ordinal) => $"1{Blanks().Replace(text, "_")}",
            _ => null,
        };
    }

    /// <summary>The table (Linux kernel documentation, admin-guide/device-mapper; dm-mpath.c, multipath_ctr): all paths in one group, the next request to whichever will serve it first.</summary>
    internal static string Table(long sectors, IEnumerable<string> numbers)
    {
        var paths = numbers.Select(n => $"{n} 1").ToList();
        return string.Create(CultureInfo.InvariantCulture, $"0 {sectors} multipath 1 queue_if_no_path 0 1 1 service-time 0 {paths.Count} 1 {string.Join(' ', paths)}");
    }

    /// <summary>Number, start and size in sectors of 512 bytes of each partition that <c>sfdisk --json</c> shows.</summary>
    internal static IReadOnlyList<(int Number, long Start, long Size)> Partitions(string json)
    {
        using var document = JsonDocument.Parse(json);
        var table = document.RootElement.GetProperty("partitiontable");
        if (!table.TryGetProperty("partitions", out var partitions)) return [];
        var factor = table.TryGetProperty("sectorsize", out var size) ? size.GetInt64() / 512 : 1;
        return [.. partitions.EnumerateArray().Select(p => (Number(p.GetProperty("node").GetString()!), p.GetProperty("start").GetInt64() * factor, p.GetProperty("size").GetInt64() * factor))];
    }

    private static int Number(string node) => int.Parse(LastDigits().Match(node).Value, CultureInfo.InvariantCulture);

    private static long SectorsOf(string path) => long.Parse(File.ReadAllText($"/sys/class/block/{Path.GetFileName(path)}/size"), CultureInfo.InvariantCulture);

    private static string NumberOf(string path) => File.ReadAllText($"/sys/class/block/{Path.GetFileName(path)}/dev").Trim();

    private static string Read(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : "";

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex("[0-9]+$")]
    private static partial Regex LastDigits();
}
