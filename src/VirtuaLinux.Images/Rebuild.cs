using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images;

/// <summary>Builds an image a second time, as another machine would, and says what differs.</summary>
/// <param name="options">What the first build was told.</param>
/// <param name="runner">Runs programs.</param>
public sealed class Rebuild(ImageBuildOptions options, ICommandRunner runner)
{
    private const int MostDifferences = 20;

    private static readonly TimeSpan Longest = TimeSpan.FromHours(2);

    /// <summary>Builds from nothing: with a copy of the definitions in another folder, another cache, umask, time zone and locale, and one processor.</summary>
    /// <param name="first">The image as it was built.</param>
    /// <param name="scratch">A folder for the second build, made and removed; some 4 GiB.</param>
    /// <param name="onLine">Takes each line that the second build prints.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Differences in words, those of the first stage that differs; empty if the media are the same byte for byte.</returns>
    /// <exception cref="FailureException">It could not be built again.</exception>
    public async Task<IReadOnlyList<string>> CompareAsync(ImageBuildResult first, string scratch, Action<string> onLine, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        if (Path.Exists(scratch)) throw new FailureException($"{scratch}: it is there already; name a folder that is not, it is removed afterwards");
        try
        {
            var definitions = Directory.CreateDirectory(Path.Combine(scratch, "share")).FullName;
            foreach (var folder in (string[])["images", "overlays", "templates"])
                await runner.RunAsync(ExternalCommand.Of("cp", "--archive", options.ProductDirectory is { } product ? Path.Combine(product, folder) : ProductFiles.Locate(folder), definitions), cancellationToken).ConfigureAwait(false);
            var (cache, output) = (Path.Combine(scratch, "cache"), Path.Combine(scratch, "images"));
            await runner.RunAsync(ExternalCommand.Of("taskset", "--cpu-list", "0", "sh", "-c", "umask 027; exec \"$@\"", "sh", options.ProgramPath, "build", options.ImageName, "--cache", cache, "--output", output)
                .With(options.Mirror is { } mirror ? ["--mirror", mirror] : [])
                .WithEnvironment("VIRTUALINUX_SHARE", definitions).WithEnvironment("TZ", "Pacific/Kiritimati").WithEnvironment("LC_ALL", "C.UTF-8").WithEnvironment("LANGUAGE", "tr")
                .WithWorkingDirectory(scratch).WithLines(onLine).WithTimeout(Longest), cancellationToken).ConfigureAwait(false);
            if (DigestList.DigestOf(Path.Combine(output, $"{options.ImageName}.iso")) == DigestList.DigestOf(first.Stages.Single(s => s.Name == "iso").Path + "/image.iso")) return [];
            foreach (var stage in first.Stages)
                if (Directory.GetDirectories(Path.Combine(cache, stage.Name)) is [var other] && await DifferencesAsync(stage.Path, other, first.Info.SourceDateEpoch, cancellationToken).ConfigureAwait(false) is { Count: > 0 } found)
                    return [$"stage '{stage.Name}' is the first that differs:", .. found.Take(MostDifferences).Select(d => $"  {d}"), .. found.Count > MostDifferences ? (string[])[string.Create(CultureInfo.InvariantCulture, $"  and {found.Count - MostDifferences} more")] : []];
            return ["the media differ, and no stage's files do: compare them with diffoscope(1)"];
        }
        finally
        {
            if (Directory.Exists(scratch)) DirectoryTree.Delete(scratch);
        }
    }

    /// <summary>What differs between two folders, in words: kind, mode, owner, date, length, link or content of each path. Dates after the image's own become that, and are alike.</summary>
    /// <param name="one">The first build's.</param>
    /// <param name="other">The second build's.</param>
    /// <param name="epoch">The image's date, in seconds since 1970 (UTC).</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<string>> DifferencesAsync(string one, string other, long epoch, CancellationToken cancellationToken = default)
    {
        var (mine, theirs) = (await ListAsync(one, cancellationToken).ConfigureAwait(false), await ListAsync(other, cancellationToken).ConfigureAwait(false));
        var differences = new List<string>();
        foreach (var path in mine.Keys.Union(theirs.Keys).Order(StringComparer.Ordinal))
        {
            var (a, b) = (mine.GetValueOrDefault(path), theirs.GetValueOrDefault(path));
            if (a is null || b is null) differences.Add($"{path}: only in the {(a is null ? "second" : "first")} build");
            else if (Describe(a, epoch).Zip(Describe(b, epoch)).FirstOrDefault(p => p.First != p.Second) is { First: { } found } pair) differences.Add($"{path}: {found}, and {pair.Second} in the second build");
            else if (a[0] == "f" && FirstDifference(Path.Combine(one, path), Path.Combine(other, path)) is { } at) differences.Add(string.Create(CultureInfo.InvariantCulture, $"{path}: another byte at {at}"));
        }
        return differences;
    }

    private static IEnumerable<string> Describe(string[] fields, long epoch)
    {
        yield return $"type {fields[0]}";
        yield return $"mode {fields[1]}";
        yield return $"owner {fields[2]}";
        yield return $"link to {fields[5]}";
        if (fields[0] != "f") yield break;
        yield return $"{fields[4]} bytes";
        yield return $"date {Math.Min(epoch, (long)double.Parse(fields[3], CultureInfo.InvariantCulture))}";
    }

    private async Task<Dictionary<string, string[]>> ListAsync(string folder, CancellationToken cancellationToken)
    {
        var list = await runner.RunAsync(ExternalCommand.Of("find", folder, "-mindepth", "1", "-printf", @"%y\t%m\t%U:%G\t%T@\t%s\t%l\0%P\0"), cancellationToken).ConfigureAwait(false);
        return list.Output.Split('\0').Chunk(2).Where(f => f.Length == 2).ToDictionary(f => f[1], f => f[0].Split('\t', 6));
    }

    /// <summary>Offset of the first byte that differs, in bytes; null if none does.</summary>
    private static long? FirstDifference(string one, string other)
    {
        using var a = File.OpenRead(one);
        using var b = File.OpenRead(other);
        var (left, right) = (new byte[1 << 16], new byte[1 << 16]);
        for (long at = 0; ; at += left.Length)
        {
            var (m, n) = (a.ReadAtLeast(left, left.Length, false), b.ReadAtLeast(right, right.Length, false));
            var common = left.AsSpan(0, m).CommonPrefixLength(right.AsSpan(0, n));
            if (common < Math.Max(m, n)) return at + common;
            if (m < left.Length) return null;
        }
    }
}
