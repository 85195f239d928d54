using System.Globalization;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Stages;

/// <summary>What the package manager makes: a root, the boot packages beside it, and the list of what is in both.</summary>
/// <param name="Folder">The result's folder.</param>
/// <param name="Epoch">Upper bound of the image's dates, in seconds since 1970 (UTC).</param>
/// <param name="Identity">Names and versions of all packages, and what of them may not be there: what later stages depend on.</param>
internal sealed record PackageSet(string Folder, long Epoch, string Identity)
{
    public string Root => Path.Combine(Folder, "root");

    public string Boot => Path.Combine(Folder, "boot");
}

/// <summary>Installs the packages that the overlays list.</summary>
internal static class PackagesStage
{
    private const string Name = "packages";

    public static async Task<PackageSet> RunAsync(BuildContext context)
    {
        var distribution = context.Definitions.Distribution;
        var manager = PackageManager.For(distribution, context.Definitions.Templates);
        var key = manager.AddTo(new StageKey("packages 1"))
            .Add("mirror", context.Mirror ?? "")
            .Add("epoch", context.Options.SourceDateEpoch ?? 0)
            .ToKey();
        if (context.Options.Refresh) context.Forget(Name, key);
        var folder = await context.StageAsync(Name, key, async work =>
        {
            var started = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            await manager.InstallAsync(work, context.Options with { Mirror = context.Mirror }).ConfigureAwait(false);
            work.Say("reading what was installed");
            var epoch = context.Options.SourceDateEpoch ?? NewestDate(work.Folder, started);
            await File.WriteAllTextAsync(work.At("epoch"), epoch.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
        }).ConfigureAwait(false);
        var packages = await File.ReadAllTextAsync(Path.Combine(folder, "packages"), context.Cancellation).ConfigureAwait(false);
        var identity = string.Join('\n', [packages, .. distribution.PathExclude.Select(p => $"- {p}"), .. distribution.PathInclude.Select(p => $"+ {p}")]);
        var date = long.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "epoch"), context.Cancellation).ConfigureAwait(false), CultureInfo.InvariantCulture);
        return new PackageSet(folder, date, identity);
    }

    /// <summary>The newest date of a file that a package brought. Files that installation itself made are younger than its start, and so left out.</summary>
    private static long NewestDate(string folder, long started) =>
        new DirectoryInfo(folder)
            .EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Select(f => new DateTimeOffset(f.LastWriteTimeUtc).ToUnixTimeSeconds())
            .Where(t => t < started)
            .Max();
}
