using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Conformance;

/// <summary>Begins a distribution that is like another one.</summary>
public static class NewDistribution
{
    /// <summary>Writes <c>overlays/NAME/distribution.yaml</c> and <c>images/NAME.yaml</c>.</summary>
    /// <param name="product">Folder with <c>images</c>, <c>overlays</c> and <c>templates</c>.</param>
    /// <param name="name">The new distribution's name.</param>
    /// <param name="like">The distribution that it extends.</param>
    /// <returns>The files that were written.</returns>
    /// <exception cref="FailureException">The name is no good or taken, or there is no such other distribution; nothing is written then.</exception>
    /// <exception cref="InvalidInputException">The other distribution's own file is wrong.</exception>
    public static IReadOnlyList<string> Create(string product, string name, string like)
    {
        var (overlays, images, templates) = (Path.Combine(product, "overlays"), Path.Combine(product, "images"), Path.Combine(product, "templates", "distro"));
        if (!ImageVersion.TryParse($"{name}@1", null, out _)) throw new FailureException($"'{name}' cannot be the name of a distribution; write letters, digits, dots and hyphens, as in debian-13");
        var known = DefinitionFile.Distributions(overlays);
        if (!known.Contains(like)) throw new FailureException($"there is no distribution '{like}'; name one of: {string.Join(", ", known)}");
        string[] files = [Path.Combine(overlays, name, DefinitionFile.FactsName), Path.Combine(images, $"{name}.yaml")];
        foreach (var taken in (string[])[Path.GetDirectoryName(files[0])!, files[1]])
            if (Path.Exists(taken)) throw new FailureException($"{taken} is there already, and is left as it is; choose another name");
        var (chain, errors) = OverlayChain.Load(overlays, like);
        if (chain is null) throw new InvalidInputException(errors);
        var model = new Dictionary<string, object?> { ["name"] = name, ["like"] = like, ["release"] = chain.Distribution.Release, ["root_size"] = RootSizeOf(images, overlays, like).ToString() };
        Directory.CreateDirectory(Path.GetDirectoryName(files[0])!);
        foreach (var (file, template) in files.Zip((string[])["distribution.yaml.sbn", "image.yaml.sbn"]))
            File.WriteAllText(file, TemplateRenderer.Render(template, File.ReadAllText(Path.Combine(templates, template)), model));
        return files;
    }

    /// <summary>The size that the other one's own image has, if there is such an image.</summary>
    private static ByteSize RootSizeOf(string images, string overlays, string like)
    {
        var file = Path.Combine(images, $"{like}.yaml");
        return File.Exists(file) && DefinitionFile.LoadImage(file, File.ReadAllText(file), DefinitionFile.Distributions(overlays)).Image is { } image ? image.RootSize : ByteSize.FromGiB(2);
    }
}
