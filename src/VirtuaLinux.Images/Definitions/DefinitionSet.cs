using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Everything that describes an image: its definition, the facts of its overlays, and where their files are.</summary>
/// <param name="Name">Name of the image.</param>
/// <param name="Image">Its definition.</param>
/// <param name="Distribution">Facts of <c>overlays/common</c>, with those that the distribution extends and its own on top.</param>
/// <param name="Overlays">Folders of the overlays in the order in which they are applied.</param>
/// <param name="Templates">The folder <c>templates</c>.</param>
/// <param name="ImageFile">The image's definition, <c>images/NAME.yaml</c>.</param>
public sealed record DefinitionSet(string Name, ImageDefinition Image, Distribution Distribution, IReadOnlyList<string> Overlays, string Templates, string ImageFile)
{
    /// <summary>The packages that a locked build holds itself to, <c>images/NAME.lock</c>; it need not be there.</summary>
    public string LockFile => Path.ChangeExtension(ImageFile, "lock");

    /// <summary>Keys of those whose signature the image needs.</summary>
    public IReadOnlyList<VendorKey> VendorKeys { get; } = DefinitionFile.KeysOf(ImageFile, Image);

    /// <summary>Those in PEM, one after the other; empty if there are none.</summary>
    internal string VendorKeysText => string.Concat(VendorKeys.Select(k => k.ToPem()));

    /// <summary>Loads the definition of an image and all that it refers to.</summary>
    /// <param name="name">Name of the image.</param>
    /// <param name="productDirectory">Folder with <c>images</c>, <c>overlays</c> and <c>templates</c>; null for where <see cref="ProductFiles"/> finds them.</param>
    /// <exception cref="FailureException">There is no such image.</exception>
    /// <exception cref="InvalidInputException">A file is wrong; each fault is named as <c>file:line</c>.</exception>
    public static DefinitionSet Load(string name, string? productDirectory = null)
    {
        string Locate(string folder) => productDirectory is null ? ProductFiles.Locate(folder) : Path.Combine(productDirectory, folder);
        var (images, overlays) = (Locate("images"), Locate("overlays"));
        var image = ReadImage(images, overlays, name);
        var (chain, errors) = OverlayChain.Load(overlays, image.Distribution);
        if (chain is null) throw new InvalidInputException(errors);
        return new DefinitionSet(
            name,
            image,
            chain.Distribution with { ImagePackages = image.Packages },
            chain.Overlays,
            Locate("templates"),
            Path.Combine(images, $"{name}.yaml"));
    }

    private static ImageDefinition ReadImage(string images, string overlays, string name)
    {
        var file = Path.Combine(images, $"{name}.yaml");
        var known = Directory.GetFiles(images, "*.yaml").Order(StringComparer.Ordinal).ToArray();
        if (!known.Contains(file)) throw new FailureException($"there is no image '{name}' in {images}; there are: {string.Join(", ", known.Select(Path.GetFileNameWithoutExtension))}");
        var (image, errors) = DefinitionFile.LoadImage(file, File.ReadAllText(file), DefinitionFile.Distributions(overlays));
        return image ?? throw new InvalidInputException(errors);
    }
}
