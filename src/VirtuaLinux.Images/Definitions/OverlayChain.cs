using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>A distribution with everything beneath it: <c>common</c>, and what it extends.</summary>
/// <param name="Name">Name of the distribution.</param>
/// <param name="Distribution">The facts of all overlays together.</param>
/// <param name="Overlays">Folders of the overlays, lowest first, which is the order in which they are applied.</param>
public sealed record OverlayChain(string Name, Distribution Distribution, IReadOnlyList<string> Overlays)
{
    /// <summary>Loads a distribution of a folder of overlays.</summary>
    /// <param name="overlays">The folder.</param>
    /// <param name="name">Name of the distribution, or <c>common</c>.</param>
    /// <returns>The chain, or null and everything that is wrong in any of its files.</returns>
    public static (OverlayChain? Chain, IReadOnlyList<Diagnostic> Errors) Load(string overlays, string name)
    {
        var file = FileOf(overlays, name);
        return Load(overlays, name, file, File.ReadAllText(file));
    }

    /// <summary>Loads a distribution whose own file has been read already; those beneath it are read from the folder.</summary>
    /// <inheritdoc cref="Load(string, string)"/>
    /// <param name="overlays">The folder.</param>
    /// <param name="name">Name of the distribution, or <c>common</c>.</param>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    public static (OverlayChain? Chain, IReadOnlyList<Diagnostic> Errors) Load(string overlays, string name, string fileName, string text)
    {
        var (top, errors) = DefinitionFile.LoadFacts(fileName, text);
        var chain = new List<(string Name, Loaded<Distribution> File)> { (name, top) };
        while (errors.Count == 0 && chain[^1].File.Value!.Extends is { Length: > 0 } next)
        {
            errors = CheckExtends(overlays, [.. chain.Select(c => c.Name)], chain[^1].File, next);
            if (errors.Count > 0) break;
            (var file, errors) = LoadFacts(overlays, next);
            chain.Add((next, file));
        }
        if (errors.Count == 0 && name != DefinitionFile.Common && File.Exists(FileOf(overlays, DefinitionFile.Common)))
        {
            (var common, errors) = LoadFacts(overlays, DefinitionFile.Common);
            chain.Add((DefinitionFile.Common, common));
        }
        if (errors.Count > 0) return (null, errors);
        var facts = Join(overlays, chain);
        errors = name == DefinitionFile.Common ? [] : [.. DefinitionFile.CheckWhole(top, facts).OrderBy(e => e.Line)];
        return errors.Count > 0 ? (null, errors) : (new OverlayChain(name, facts, [.. chain.Select(c => Path.Combine(overlays, c.Name)).Reverse()]), []);
    }

    private static (Loaded<Distribution> File, IReadOnlyList<Diagnostic> Errors) LoadFacts(string overlays, string name)
    {
        var file = FileOf(overlays, name);
        return DefinitionFile.LoadFacts(file, File.ReadAllText(file));
    }

    private static List<Diagnostic> CheckExtends(string overlays, IReadOnlyList<string> above, Loaded<Distribution> file, string next)
    {
        if (next == DefinitionFile.Common) return [file.At("extends", $"'{next}' is beneath every distribution", "remove the line")];
        if (above.Contains(next)) return [file.At("extends", $"these distributions extend each other in a circle: {string.Join(", ", above.SkipWhile(n => n != next).Append(next))}", "let one of them extend another distribution, or none")];
        var known = DefinitionFile.Distributions(overlays);
        return known.Contains(next) ? [] : [file.At("extends", $"there is no distribution '{next}'", $"write one of: {string.Join(", ", known.Except(above))}; or add its folder under overlays/")];
    }

    /// <summary>The facts of a chain whose first file is the uppermost.</summary>
    private static Distribution Join(string overlays, List<(string Name, Loaded<Distribution> File)> chain)
    {
        var layers = chain.Select(c => (c.Name, Facts: c.File.Value! with { Keys = [.. c.File.Value!.Keys.Select(k => Path.GetFullPath(k, Path.GetFullPath(Path.Combine(overlays, c.Name))))] })).Reverse().ToList();
        var common = layers.Find(l => l.Name == DefinitionFile.Common).Facts;
        var own = layers.Where(l => l.Facts != common).Select(l => l.Facts).ToList();
        if (own.Count == 0) return common!;
        var facts = own.Aggregate((parent, child) => child.Extending(parent));
        if (common is not null) facts = facts.On(common);
        return facts with { Architecture = facts.Architecture.Length > 0 ? facts.Architecture : Distribution.SupportedArchitecture };
    }

    private static string FileOf(string overlays, string name) => Path.Combine(overlays, name, DefinitionFile.FactsName);
}
