using System.Globalization;

namespace VirtuaLinux.Lab.Bench;

/// <summary>The figures of all rounds as rows with their goals, beside those of 2007.</summary>
public static class StorageFigures
{
    /// <summary>The LUN without device-mapper.</summary>
    public const string Raw = "raw";

    /// <summary>A linear volume of the site's volume group.</summary>
    public const string Plain = "plain";

    /// <summary>A node's root, as the product maps it.</summary>
    public const string Root = "root";

    private const string Snapshot2007 = "snapshot 2007", Fresh = "files that are new", Existing = "files that exist on the origin";

    // Table 1 of the original's report: bonnie++ on a 2007 SAN, MB/s.
    private static readonly Load[] s_loads =
    [
        new("sequential-write-fresh", $"sequential write, {Fresh}", 0.9),
        new("sequential-read-fresh", $"sequential read, {Fresh}", 0.9),
        new("sequential-read-existing", $"sequential read, {Existing}", 0.9),
        new("cached-read-existing", $"sequential read through the page cache, {Existing}", 0.9),
        new("sequential-write-first", $"sequential write, {Existing}, first touch", 0.8),
        new("sequential-write-second", $"sequential write, {Existing}, second touch", 0.95),
        new("cached-write-first", $"sequential write through the page cache, {Existing}, first touch", 0.8),
        new("cached-write-second", $"sequential write through the page cache, {Existing}, second touch", 0.95),
        new("sequential-read-touched", $"sequential read, {Existing}, after the touch", 0.9),
        new("random-write-first", $"random 4 KiB write, whole {Existing}, first touch", 0.6),
        new("random-write-second", $"random 4 KiB write, whole {Existing}, second touch", 0.9),
        new("scattered-write-first", $"random 4 KiB write, single blocks of {Existing}, first touch", 0.6),
        new("scattered-write-second", $"random 4 KiB write, single blocks of {Existing}, second touch", 0.9),
        new("random-read-touched", $"random 4 KiB read, {Existing}, after the touch", 0.9),
        new("bonnie-write", $"bonnie++ block write, {Fresh}", 0.9, new() { [Raw] = 88, [Plain] = 89, [Snapshot2007] = 88 }),
        new("bonnie-rewrite", $"bonnie++ rewrite, {Fresh}", 0.9, new() { [Raw] = 30, [Plain] = 32, [Snapshot2007] = 31 }),
        new("bonnie-read", $"bonnie++ block read, {Fresh}", 0.9, new() { [Raw] = 60, [Plain] = 66, [Snapshot2007] = 63 }),
    ];

    // What may cost so much at most, whatever the SAN.
    private static readonly (string Key, string Measure, string Unit, double Most)[] s_costs =
    [
        ("map-changed-time", "time to map a root with 2 GB of changed blocks", "s", 2),
        ("map-changed-memory", "memory that this takes", "MiB", 32),
        ("create-50-time", "50 roots created: all volumes in one commit, and each node its root at once with the others", "s", 10),
        ("create-50-written", "written for each of them", "MB", 1),
        ("create-1000-time", "volumes of 1,000 nodes created, LVM's metadata on a file of this machine", "s", 60),
        ("create-1000-ratio", "that, as a multiple of the time for 500", "", 2.5),
    ];

    private static readonly BenchRow s_existing2007 = Row2007($"block write, {Existing}", new() { [Raw] = 88, [Plain] = 89, [Snapshot2007] = 7 });

    /// <summary>Medians of all rounds, ratios to raw, and whether the product's own devices reach the goals.</summary>
    public static IReadOnlyList<BenchRow> Rows(IReadOnlyCollection<StorageFigure> figures)
    {
        List<BenchRow> rows = [];
        foreach (var load in s_loads)
        {
            // Devices in the order in which they came.
            var values = figures.Where(f => f.Load == load.Key).GroupBy(f => f.Device).ToDictionary(g => g.Key, g => Median(g.Select(f => f.Value)));
            if (values.Count == 0) continue;
            var own = values.Where(v => v.Key is Plain or Root).Select(v => v.Value).ToList();
            double? ratio = own.Count > 0 && values.GetValueOrDefault(Raw) is > 0 and var raw ? own.Min() / raw : null;
            rows.Add(new BenchRow { Measure = load.Measure, Unit = "MB/s", Values = values, Reference = Raw, Ratio = ratio, Goal = string.Create(CultureInfo.InvariantCulture, $"{load.Goal:0.0#} × raw"), IsMet = ratio is null ? null : ratio >= load.Goal });
            if (load.Values2007 is { } then) rows.Add(Row2007(load.Measure, then));
        }
        foreach (var (key, measure, unit, most) in s_costs)
        {
            if (figures.Where(f => f.Load == key).Select(f => f.Value).ToList() is not [_, ..] values) continue;
            rows.Add(new BenchRow { Measure = measure, Unit = unit, Values = new Dictionary<string, double> { [Root] = Median(values) }, Goal = string.Create(CultureInfo.InvariantCulture, $"at most {most} {unit}").TrimEnd(), IsMet = Median(values) <= most });
        }
        if (rows.Count > 0) rows.Add(s_existing2007);
        return rows;
    }

    private static BenchRow Row2007(string measure, Dictionary<string, double> values) => new() { Measure = $"2007: {measure}", Unit = "MB/s", Values = values, Reference = Raw };

    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    private sealed record Load(string Key, string Measure, double Goal, Dictionary<string, double>? Values2007 = null);
}
