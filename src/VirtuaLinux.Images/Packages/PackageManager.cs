using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Stages;

namespace VirtuaLinux.Images.Packages;

/// <summary>A way to install packages into a new root; all distributions of a family share one.</summary>
internal abstract class PackageManager
{
    public const string Mmdebstrap = "mmdebstrap";
    public const string Dnf = "dnf";

    /// <summary>The names that <see cref="For"/> knows.</summary>
    public static IReadOnlyList<string> Names => [Mmdebstrap, Dnf];

    /// <summary>Programs of the build machine that it needs, and the Debian packages that bring them.</summary>
    public abstract IReadOnlyList<(string Program, string Package)> Programs { get; }

    /// <summary>What tells of installed packages.</summary>
    public abstract IPackageFormat Format { get; }

    /// <summary>The release, as locks and bills of materials name it.</summary>
    public abstract string Release { get; }

    /// <summary>Parts of the package archive.</summary>
    public abstract IReadOnlyList<string> Components { get; }

    /// <summary>The package manager that a distribution names.</summary>
    /// <exception cref="FailureException">There is none of that name.</exception>
    public static PackageManager For(Distribution distribution, string templates) => distribution.PackageManager switch
    {
        Mmdebstrap => new Mmdebstrap(distribution, Path.Combine(templates, "packages", "unpack-boot-packages")),
        Dnf => new Dnf(distribution, Path.Combine(templates, "packages")),
        var other => throw new FailureException($"distribution.yaml: packageManager '{other}' is not known; write {string.Join(" or ", Names)}"),
    };

    /// <summary>What a distribution does not say although its package manager has to know it: the key, and what to write.</summary>
    public static IEnumerable<(string Key, string Advice)> Missing(Distribution distribution) => distribution.PackageManager switch
    {
        Mmdebstrap when distribution.Suite.Length == 0 => [("suite", "add the release's name in its package archive, such as suite: trixie")],
        Dnf => MissingForDnf(distribution),
        _ => [],
    };

    /// <summary>Adds everything that the result depends on to a stage's key.</summary>
    public abstract StageKey AddTo(StageKey key);

    /// <summary>Makes <c>root/</c>, <c>boot/</c> (boot packages, unpacked only), <c>packages</c> (a sorted line <c>name version</c> for each) and <c>available</c> (what <see cref="Format"/> reads) in the stage's folder.</summary>
    public abstract Task InstallAsync(StageWork work, ImageBuildOptions options);

    private static IEnumerable<(string Key, string Advice)> MissingForDnf(Distribution distribution)
    {
        if (distribution.Release.Length == 0) yield return ("release", "add the release's number, such as release: \"10\"");
        if (distribution.Repositories.Count == 0) yield return ("repositories", "list what packages come from, as in - { name: baseos, baseUrl: https://… }");
        if (distribution.Keys.Count == 0) yield return ("keys", "name the files with the keys that packages are signed with, as in keys: [keys/RPM-GPG-KEY]");
    }
}
