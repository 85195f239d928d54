using System.Text.Json.Serialization.Metadata;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Checks any file that people write for the product, whatever it describes.</summary>
public static class FileCheck
{
    private static readonly (FileKind Kind, HashSet<string> Keys)[] KnownKeys =
    [
        (FileKind.Site, KeysOf(ModelJson.Default.Site)),
        (FileKind.Image, KeysOf(DefinitionJson.Default.ImageDefinition)),
        (FileKind.Distribution, KeysOf(DefinitionJson.Default.Distribution)),
    ];

    /// <summary>What a file describes: that whose keys it has, and in doubt what its place says.</summary>
    public static FileKind KindOf(string path, string text)
    {
        var keys = YamlFile.Keys(text);
        var fitting = KnownKeys.GroupBy(k => keys.Count(k.Keys.Contains), k => k.Kind).MaxBy(g => g.Key)!.ToList();
        return fitting is [var only] ? only : KindOf(Path.GetFullPath(path));
    }

    /// <summary>Checks one file.</summary>
    /// <param name="path">The file as its user named it; files beside it are looked at where it refers to them.</param>
    /// <param name="text">Its content.</param>
    /// <returns>What it describes, in words, or null and everything that is wrong with it.</returns>
    /// <exception cref="FailureException">It is an image definition, and the distributions are nowhere to be found.</exception>
    public static (string? Description, IReadOnlyList<Diagnostic> Errors) Run(string path, string text)
    {
        var full = Path.GetFullPath(path);
        switch (KindOf(path, text))
        {
            case FileKind.Image:
                var (image, imageErrors) = DefinitionFile.LoadImage(path, text, DefinitionFile.Distributions(OverlaysOf(full)));
                return (image is null ? null : $"image '{Path.GetFileNameWithoutExtension(full)}' of {image.Distribution}", imageErrors);
            case FileKind.Distribution:
                var name = Path.GetFileName(Path.GetDirectoryName(full));
                var (chain, factErrors) = OverlayChain.Load(Path.GetFullPath(Path.Combine(full, "../..")), name!, path, text);
                return (chain is null ? null : name == DefinitionFile.Common ? "what all distributions share" : $"distribution '{name}'", factErrors);
            default:
                var (site, siteErrors) = SiteFile.Load(path, text);
                return (site is null ? null : $"site '{site.Name}' with {site.Nodes.Count} node{(site.Nodes.Count == 1 ? "" : "s")}", siteErrors);
        }
    }

    private static FileKind KindOf(string fullPath) =>
        Path.GetFileName(fullPath) == DefinitionFile.FactsName ? FileKind.Distribution
        : Path.GetFileName(Path.GetDirectoryName(fullPath)) == "images" ? FileKind.Image
        : FileKind.Site;

    /// <summary>The overlays of the folder that the image definition is in, or else the product's.</summary>
    private static string OverlaysOf(string image) =>
        Path.Combine(Path.GetDirectoryName(image)!, "..", "overlays") is var beside && Directory.Exists(beside) ? Path.GetFullPath(beside) : ProductFiles.Locate("overlays");

    private static HashSet<string> KeysOf(JsonTypeInfo type) => [.. type.Properties.Select(p => p.Name)];
}
