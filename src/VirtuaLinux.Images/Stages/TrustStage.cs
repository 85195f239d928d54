using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>What is delivered beside the medium: lock, bills of materials, provenance, digests.</summary>
internal static partial class TrustStage
{
    private const string BuildType = "https://virtualinux.org/build/image/v1";

    public static async Task<string> RunAsync(BuildContext context, PackageInventory inventory, ImageInfo info, string iso, MediumFacts medium)
    {
        var name = context.Options.ImageName;
        var description = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(iso)!, "image.json"), context.Cancellation).ConfigureAwait(false);
        var contents = new ImageContents(info.Image, info.SourceDateEpoch, medium.Sha256, DigestList.DigestOf(context.Options.ProgramPath), inventory);
        var locked = PackageLock.Of(name, inventory).ToText();
        List<ProvenanceResource> inputs = [.. Inputs(context.Definitions), ProvenanceResource.Of(ImageContents.Program, contents.ProgramSha256), ProvenanceResource.Of($"{name}.lock", DigestOf(locked))];
        if (await RevisionAsync(context).ConfigureAwait(false) is { } revision) inputs.Add(revision);
        var build = new ProvenanceBuild(BuildType, new ProvenanceParameters(name, WithoutPassword(context.Options.Mirror), info.SourceDateEpoch), medium.Tools, inputs);
        var key = new StageKey("trust 1")
            .Add("image", info.Image.ToString())
            .Add("medium", medium.Sha256)
            .Add("description", description)
            .Add("inventory", JsonSerializer.Serialize(inventory, InventoryJson.Readable.PackageInventory))
            .Add("version", ImageContents.ProgramVersion)
            .Add("build", JsonSerializer.Serialize(build, InventoryJson.Readable.ProvenanceBuild))
            .ToKey();
        return await context.StageAsync("trust", key, async work =>
        {
            var digests = new SortedDictionary<string, string>(StringComparer.Ordinal) { [contents.Medium] = medium.Sha256, [$"{name}.json"] = DigestOf(description) };
            async Task WriteAsync(string file, string text)
            {
                await File.WriteAllTextAsync(work.At(file), text).ConfigureAwait(false);
                digests[file] = DigestOf(text);
            }
            await WriteAsync($"{name}.lock", locked).ConfigureAwait(false);
            await WriteAsync($"{name}.spdx.json", SpdxDocument.Of(contents).ToText()).ConfigureAwait(false);
            await WriteAsync($"{name}.cdx.json", CycloneDxDocument.Of(contents).ToText()).ConfigureAwait(false);
            var statement = new ProvenanceStatement
            {
                Subject = [.. digests.Select(d => ProvenanceResource.Of(d.Key, d.Value))],
                Predicate = new ProvenancePredicate(build, new ProvenanceRun(new ProvenanceBuilder(BuildType, new Dictionary<string, string> { [ImageContents.Program] = ImageContents.ProgramVersion }))),
            };
            await WriteAsync($"{name}.provenance.json", statement.ToText()).ConfigureAwait(false);
            await File.WriteAllTextAsync(work.At(DigestList.FileName), DigestList.ToText(digests)).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private static IEnumerable<ProvenanceResource> Inputs(DefinitionSet definitions)
    {
        yield return ProvenanceResource.Of($"images/{definitions.Name}.yaml", DigestList.DigestOf(definitions.ImageFile));
        foreach (var overlay in definitions.Overlays) yield return Folder($"overlays/{Path.GetFileName(overlay)}", overlay);
        yield return Folder("templates", definitions.Templates);
    }

    /// <summary>A folder's digest is that of a list with a line <c>MODE SHA256 PATH</c> for each file, sorted by path; modes as git's, and of a link its target's digest.</summary>
    private static ProvenanceResource Folder(string name, string folder)
    {
        var lines = Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
            .Select(f => (File: f, Path: Path.GetRelativePath(folder, f), Link: new FileInfo(f).LinkTarget))
            .Where(f => f.Link is not null || File.Exists(f.File))
            .OrderBy(f => f.Path, StringComparer.Ordinal)
            .Select(f => f.Link is { } target ? $"120000 {DigestOf(target)} {f.Path}\n" : $"{(StageKey.IsExecutable(f.File) ? "100755" : "100644")} {DigestList.DigestOf(f.File)} {f.Path}\n");
        return ProvenanceResource.Of(name, DigestOf(string.Concat(lines))) with { Annotations = new Dictionary<string, string> { ["digestOf"] = "MODE SHA256 PATH" } };
    }

    /// <summary>The commit that the product's files are of, if they are in a checkout, and whether somebody changed them since.</summary>
    private static async Task<ProvenanceResource?> RevisionAsync(BuildContext context)
    {
        var folder = new DirectoryInfo(context.Definitions.Templates);
        while (folder is not null && !Path.Exists(Path.Combine(folder.FullName, ".git"))) folder = folder.Parent;
        if (folder is null) return null;
        var checkout = folder.FullName;
        // The build runs as root, and git trusts no checkout of another user's.
        ExternalCommand Git(params IReadOnlyList<string> arguments) => ExternalCommand.Of("git", "-C", checkout, "-c", $"safe.directory={checkout}").With(arguments);
        try
        {
            var commit = (await context.RunAsync(Git("rev-parse", "HEAD")).ConfigureAwait(false)).Output.Trim();
            var changed = (await context.RunAsync(Git("--no-optional-locks", "status", "--porcelain")).ConfigureAwait(false)).Output.Trim().Length > 0;
            return new("source", new Dictionary<string, string> { ["gitCommit"] = commit }, new Dictionary<string, string> { ["changed"] = changed ? "true" : "false" });
        }
        catch (ExternalCommandException e)
        {
            context.Warn("trust", $"the commit of {checkout} is not known and not in the provenance: {e.Message}");
            return null;
        }
    }

    private static string? WithoutPassword(string? mirror) => mirror is null ? null : UserOfAddress().Replace(mirror, "//");

    [GeneratedRegex("//[^/@]*@")]
    private static partial Regex UserOfAddress();

    private static string DigestOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
