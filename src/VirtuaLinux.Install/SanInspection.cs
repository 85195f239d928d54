using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>Looks at a LUN and changes nothing.</summary>
public static class SanInspection
{
    private const int BlkidNothingFound = 2;

    /// <summary>What is on the LUN.</summary>
    /// <exception cref="FailureException">It cannot be read.</exception>
    public static async Task<SanContent> InspectAsync(ICommandRunner runner, Site site, string disk, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(site);
        var table = await runner.RunAsync(ExternalCommand.Of("sfdisk", "--json", disk).Accepting(), cancellationToken).ConfigureAwait(false);
        var names = table.ExitCode == 0 ? PartitionNames(table.Output) : [];
        if (names.SequenceEqual(SanLayout.PartitionNames))
        {
            using var partition = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: false);
            // Our partition table without a journal: the power went between the two, and nothing of value was written yet.
            if (Journal.Read(partition) is not { } journal) return SanState.Read(partition) is null ? new SanContent.Blank() : new SanContent.Foreign("a site whose journal is damaged");
            var holder = site.Nodes.Select(ManifestNode.From).FirstOrDefault(n => n.Name == journal.Holder);
            return new SanContent.Ours(journal, holder is not null && await LiveNodes.AnswersAsync(runner, holder.Cluster.Ip, cancellationToken).ConfigureAwait(false));
        }
        if (names.Count > 0) return new SanContent.Foreign($"a partition table with {names.Count} partitions ({string.Join(", ", names)})");
        var probe = await runner.RunAsync(ExternalCommand.Of("blkid", "-p", "-o", "export", disk).Accepting(), cancellationToken).ConfigureAwait(false);
        if (probe.ExitCode == 0) return new SanContent.Foreign(string.Join(", ", probe.Output.Split('\n').Where(l => l.StartsWith("TYPE=", StringComparison.Ordinal) || l.StartsWith("LABEL=", StringComparison.Ordinal) || l.StartsWith("PTTYPE=", StringComparison.Ordinal))));
        if (probe.ExitCode != BlkidNothingFound) return new SanContent.Foreign($"something that blkid cannot tell (exit code {probe.ExitCode})");
        return IsZero(disk) ? new SanContent.Blank() : new SanContent.Foreign("data without a partition table or file system that we know");
    }

    /// <summary>The same for a LUN that has to be empty: all of its signatures count, and its end too.</summary>
    /// <exception cref="FailureException">It cannot be read.</exception>
    public static async Task<SanContent> InspectThoroughlyAsync(ICommandRunner runner, Site site, string disk, CancellationToken cancellationToken = default)
    {
        var content = await InspectAsync(runner, site, disk, cancellationToken).ConfigureAwait(false);
        if (content is not SanContent.Blank) return content;
        // Our own partition table without anything behind it is what is left by whoever lost its power at the start.
        var table = await runner.RunAsync(ExternalCommand.Of("sfdisk", "--json", disk).Accepting(), cancellationToken).ConfigureAwait(false);
        if (table.ExitCode == 0 && PartitionNames(table.Output).SequenceEqual(SanLayout.PartitionNames)) return content;
        return await ForeignData.DescribeAsync(runner, disk, cancellationToken).ConfigureAwait(false) is { } found ? new SanContent.Foreign(found) : content;
    }

    /// <summary>Names of the partitions as <c>sfdisk --json</c> gives them; its type where one has no name.</summary>
    internal static IReadOnlyList<string> PartitionNames(string json)
    {
        using var document = JsonDocument.Parse(json);
        if (!document.RootElement.GetProperty("partitiontable").TryGetProperty("partitions", out var partitions)) return [];
        return [.. partitions.EnumerateArray().Select(p => p.TryGetProperty("name", out var name) ? name.GetString()! : p.GetProperty("type").GetString()!)];
    }

    private static bool IsZero(string disk)
    {
        using var device = BlockDevice.Open(disk, writable: false);
        var start = new byte[1 << 20];
        device.Read(0, start);
        return ChunkDigest.IsZero(start);
    }
}
