using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Conformance;

/// <summary>One distribution of a folder of overlays, in a few words.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Title">Its name for people.</param>
/// <param name="Family">Its family; null when it does not say.</param>
/// <param name="Release">The release's number.</param>
/// <param name="Extends">What it extends; null for nothing but <c>common</c>.</param>
/// <param name="PackageManager">Who installs its packages.</param>
public sealed record DistributionSummary(string Name, string Title, DistributionFamily? Family, string Release, string? Extends, string PackageManager)
{
    /// <summary>All distributions of a folder, by name; and what is wrong with those that do not load.</summary>
    public static (IReadOnlyList<DistributionSummary> Distributions, IReadOnlyList<Diagnostic> Errors) List(string overlays)
    {
        var loaded = DefinitionFile.Distributions(overlays).Select(n => OverlayChain.Load(overlays, n)).ToList();
        return ([.. loaded.Where(l => l.Chain is not null).Select(l => Of(l.Chain!))], [.. loaded.SelectMany(l => l.Errors).Distinct()]);
    }

    private static DistributionSummary Of(OverlayChain chain)
    {
        var facts = chain.Distribution;
        return new(chain.Name, facts.Title, facts.Family, facts.Release, facts.Extends.Length > 0 ? facts.Extends : null, facts.PackageManager);
    }
}
