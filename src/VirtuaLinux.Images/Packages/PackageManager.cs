using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Stages;

namespace VirtuaLinux.Images.Packages;

/// <summary>A way to install packages into a new root; all distributions of a family share one.</summary>
internal abstract class PackageManager
{
    /// <summary>The names that <see cref="For"/> knows.</summary>
    public static IReadOnlyList<string> Names => ["mmdebstrap"];

    /// <summary>The package manager that a distribution names.</summary>
    /// <exception cref="FailureException">There is none of that name.</exception>
    public static PackageManager For(Distribution distribution, string templates) => distribution.PackageManager switch
    {
        "mmdebstrap" => new Mmdebstrap(distribution, Path.Combine(templates, "packages", "unpack-boot-packages")),
        var other => throw new FailureException($"distribution.yaml: packageManager '{other}' is not known; write mmdebstrap"),
    };

    /// <summary>What a distribution does not say although its package manager has to know it: the key, and what to write.</summary>
    public static IEnumerable<(string Key, string Advice)> Missing(Distribution distribution) => distribution.PackageManager switch
    {
        "mmdebstrap" when distribution.Suite.Length == 0 => [("suite", "add the release's name in its package archive, such as suite: trixie")],
        _ => [],
    };

    /// <summary>Adds everything that the result depends on to a stage's key.</summary>
    public abstract StageKey AddTo(StageKey key);

    /// <summary>Makes <c>root/</c>, <c>boot/</c> (boot packages, unpacked only) and <c>packages</c> (a sorted line <c>name version</c> for each) in the stage's folder.</summary>
    public abstract Task InstallAsync(StageWork work, ImageBuildOptions options);
}
