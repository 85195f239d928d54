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
    /// <summary>Loads the definition of an image and all that it refers to.</summary>
    /// <exception cref="FailureException">A file is missing or wrong; the message names each fault as <c>file:line</c>.</exception>
    public static DefinitionSet Load(string name)
    {
        var image = Read($"images/{name}.yaml", DefinitionJson.Default.ImageDefinition);
        var common = Read("overlays/common/distribution.yaml", DefinitionJson.Default.Distribution);
        var distribution = Read($"overlays/{image.Distribution}/distribution.yaml", DefinitionJson.Default.Distribution).On(common);
        if (image.RootSize.Bytes <= 0 || image.RootSize.Bytes % ByteSize.FromMiB(1).Bytes != 0)
            throw new FailureException($"images/{name}.yaml: rootSize {image.RootSize} is not a multiple of 1MiB; write it as 2GiB");
        return new DefinitionSet(
            name,
            image,
            distribution with { Packages = [.. distribution.Packages, .. image.Packages] },
            [ProductFiles.Locate("overlays/common"), ProductFiles.Locate($"overlays/{image.Distribution}")],
            ProductFiles.Locate("templates"));
    }

    private static T Read<T>(string file, JsonTypeInfo<T> type) where T : class
    {
        var loaded = YamlFile.Load(file, File.ReadAllText(ProductFiles.Locate(file)), type);
        return loaded.Value ?? throw new FailureException(string.Join('\n', loaded.Errors));
    }
}
