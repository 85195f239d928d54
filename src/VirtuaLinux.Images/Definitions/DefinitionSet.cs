using System.Text.Json.Serialization.Metadata;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Everything that describes an image: its definition, the facts of its overlays, and where their files are.</summary>
/// <param name="Name">Name of the image.</param>
/// <param name="Image">Its definition.</param>
/// <param name="Distribution">Facts of <c>overlays/common</c> with the distribution's on top.</param>
/// <param name="Overlays">Folders of the overlays in the order in which they are applied.</param>
/// <param name="Templates">The folder <c>templates</c>.</param>
public sealed record DefinitionSet(string Name, ImageDefinition Image, Distribution Distribution, IReadOnlyList<string> Overlays, string Templates)
{
    private const int FormatVersion = 1;

    /// <summary>Loads the definition of an image and all that it refers to.</summary>
    /// <param name="name">Name of the image.</param>
    /// <param name="productDirectory">Folder with <c>images</c>, <c>overlays</c> and <c>templates</c>; null for where <see cref="ProductFiles"/> finds them.</param>
    /// <exception cref="FailureException">There is no such image or distribution.</exception>
    /// <exception cref="InvalidInputException">A file is wrong; each fault is named as <c>file:line</c>.</exception>
    public static DefinitionSet Load(string name, string? productDirectory = null)
    {
        string Locate(string folder) => productDirectory is null ? ProductFiles.Locate(folder) : Path.Combine(productDirectory, folder);
        var (images, overlays) = (Locate("images"), Locate("overlays"));
        var image = ReadImage(images, name);
        var common = Read(Path.Combine(overlays, "common", "distribution.yaml"), DefinitionJson.Default.Distribution, d => d.Version);
        var distribution = ReadDistribution(overlays, image.Distribution).On(common);
        return new DefinitionSet(
            name,
            image,
            distribution with { Packages = [.. distribution.Packages, .. image.Packages] },
            [Path.Combine(overlays, "common"), Path.Combine(overlays, image.Distribution)],
            Locate("templates"));
    }

    private static ImageDefinition ReadImage(string images, string name)
    {
        var file = Path.Combine(images, $"{name}.yaml");
        var known = Directory.GetFiles(images, "*.yaml").Order(StringComparer.Ordinal).ToArray();
        if (!known.Contains(file)) throw new FailureException($"there is no image '{name}' in {images}; there are: {string.Join(", ", known.Select(Path.GetFileNameWithoutExtension))}");
        return Read(file, DefinitionJson.Default.ImageDefinition, i => i.Version, (loaded, image) =>
            image.RootSize.Bytes <= 0 || image.RootSize.Bytes % ByteSize.FromMiB(1).Bytes != 0
                ? [loaded.At("rootSize", $"rootSize {image.RootSize} is not a multiple of 1MiB", "write it as 2GiB")]
                : []);
    }

    private static Distribution ReadDistribution(string overlays, string name)
    {
        var known = Directory.GetDirectories(overlays).Where(d => Path.GetFileName(d) != "common" && File.Exists(Path.Combine(d, "distribution.yaml"))).Order(StringComparer.Ordinal).ToArray();
        var folder = Path.Combine(overlays, name);
        if (!known.Contains(folder)) throw new FailureException($"there is no distribution '{name}' in {overlays}; there are: {string.Join(", ", known.Select(Path.GetFileName))}");
        return Read(Path.Combine(folder, "distribution.yaml"), DefinitionJson.Default.Distribution, d => d.Version, (loaded, facts) =>
            facts.PackageManager.Length == 0 ? [loaded.At("packageManager", "'packageManager' is missing", "add packageManager: mmdebstrap")]
            : facts.Suite.Length == 0 ? [loaded.At("suite", "'suite' is missing", "add the release's name in its package archive, such as suite: trixie")]
            : []);
    }

    private static T Read<T>(string file, JsonTypeInfo<T> type, Func<T, int> version, Func<Loaded<T>, T, IReadOnlyList<Diagnostic>>? check = null) where T : class
    {
        var loaded = YamlFile.Load(file, File.ReadAllText(file), type);
        if (loaded.Value is not { } value) throw new InvalidInputException(loaded.Errors);
        IReadOnlyList<Diagnostic> errors = version(value) == FormatVersion
            ? check?.Invoke(loaded, value) ?? []
            : [loaded.At("version", $"version {version(value)} of this file is not known", $"write version: {FormatVersion}")];
        return errors.Count == 0 ? value : throw new InvalidInputException(errors);
    }
}
