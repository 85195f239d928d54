using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Stages;

/// <summary>A finished medium.</summary>
/// <param name="Sha256">Its digest.</param>
/// <param name="Tools">Programs of the build machine that made it: Debian package and version.</param>
internal sealed record MediumFacts(string Sha256, IReadOnlyDictionary<string, string> Tools);

/// <summary>Reads the finished medium once, so that a build without change does not.</summary>
internal static class DigestStage
{
    public static async Task<MediumFacts> RunAsync(BuildContext context, string iso)
    {
        var key = new StageKey("digest 1").Add("iso", Path.GetFileName(Path.GetDirectoryName(iso)!)).Add("length", new FileInfo(iso).Length).ToKey();
        var folder = await context.StageAsync("digest", key, async work =>
        {
            await File.WriteAllTextAsync(work.At("sha256"), DigestList.DigestOf(iso)).ConfigureAwait(false);
            await File.WriteAllTextAsync(work.At("tools"), await ToolsAsync(work, PackageManager.For(context.Definitions.Distribution, context.Definitions.Templates)).ConfigureAwait(false)).ConfigureAwait(false);
        }).ConfigureAwait(false);
        var tools = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(folder, "tools"), context.Cancellation).ConfigureAwait(false))
            if (line.Split('\t') is [var package, var version]) tools[package] = version;
        return new MediumFacts(await File.ReadAllTextAsync(Path.Combine(folder, "sha256"), context.Cancellation).ConfigureAwait(false), tools);
    }

    private static async Task<string> ToolsAsync(StageWork work, PackageManager manager)
    {
        try
        {
            return (await work.RunAsync(ExternalCommand.Of("dpkg-query", "--show", @"--showformat=${Package}\t${Version}\n").With([.. HostTools.Packages(manager)]).Accepting(0, 1)).ConfigureAwait(false)).Output;
        }
        catch (ExternalCommandException)
        {
            work.Warn("the versions of the build machine's tools are not known: it has no dpkg-query");
            return "";
        }
    }
}
