using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>Looks for data on a disk that is to be taken, and changes nothing.</summary>
public static class ForeignData
{
    private const int Edge = 1 << 20;

    /// <summary>What is on the disk: file systems, partition tables, LVM, RAID, or anything in its first and last MiB that is not zero; null when nothing is.</summary>
    /// <exception cref="FailureException">It cannot be read.</exception>
    public static async Task<string?> DescribeAsync(ICommandRunner runner, string disk, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        // All signatures, whichever wins: a disk may carry the remains of several (wipefs(8)).
        var probe = await runner.RunAsync(ExternalCommand.Of("wipefs", "--no-act", "--parsable", "--output", "TYPE,LABEL,OFFSET", disk), cancellationToken).ConfigureAwait(false);
        var found = probe.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#')).Select(Signature).Distinct().ToList();
        if (found.Count > 0) return string.Join(", ", found);
        using var device = BlockDevice.Open(disk, writable: false);
        if (device.Size < 2 * Edge) return $"{device.Size} bytes only, too few to be used";
        foreach (var (at, place) in (ReadOnlySpan<(long, string)>)[(0, "first"), (device.Size - Edge, "last")])
        {
            var edge = new byte[Edge];
            device.Read(at, edge);
            var offset = edge.AsSpan().IndexOfAnyExcept((byte)0);
            if (offset >= 0) return string.Create(CultureInfo.InvariantCulture, $"data of no kind that we know in its {place} MiB (byte {at + offset})");
        }
        return null;
    }

    private static string Signature(string line)
    {
        var fields = line.Split(',');
        return fields is [var type, { Length: > 0 } label, ..] ? $"{type} '{label}'" : fields[0];
    }
}
