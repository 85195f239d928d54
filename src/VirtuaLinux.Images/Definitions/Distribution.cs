namespace VirtuaLinux.Images.Definitions;

/// <summary>The facts of an overlay, <c>overlays/NAME/distribution.yaml</c>. Lists of <c>common</c> and of the distribution are joined, in this order.</summary>
public sealed record Distribution
{
    /// <summary>Version of this file's format; 1.</summary>
    public required int Version { get; set; }

    /// <summary>Who installs packages: <c>mmdebstrap</c>.</summary>
    public string PackageManager { get; set; } = "";

    /// <summary>The release's name in the package archive, such as <c>trixie</c>.</summary>
    public string Suite { get; set; } = "";

    /// <summary>Parts of the package archive.</summary>
    public IReadOnlyList<string> Components { get; set; } = [];

    /// <summary>Packages of the root file system; what they depend on comes by itself, what they only recommend does not.</summary>
    public IReadOnlyList<string> Packages { get; set; } = [];

    /// <summary>Packages that are unpacked beside the root and never installed in it: kernel, boot loaders, tools of the build.</summary>
    public IReadOnlyList<string> BootPackages { get; set; } = [];

    /// <summary>Paths that packages may not bring into the root; shell patterns.</summary>
    public IReadOnlyList<string> PathExclude { get; set; } = [];

    /// <summary>Exceptions to <see cref="PathExclude"/>.</summary>
    public IReadOnlyList<string> PathInclude { get; set; } = [];

    /// <summary>Where the boot packages keep each file that the boot services export or the medium needs, by the name under which we do.</summary>
    public IReadOnlyDictionary<string, string> BootFiles { get; set; } = new Dictionary<string, string>();

    /// <summary>Folders of kernel modules that no node needs, relative to the kernel's module directory.</summary>
    public IReadOnlyList<string> ModulesExclude { get; set; } = [];

    /// <summary>Files of the root that are removed after installation: caches, and what must differ from node to node. The last part of a path may have wildcards.</summary>
    public IReadOnlyList<string> Remove { get; set; } = [];

    /// <summary>Empty folders that a node mounts something on.</summary>
    public IReadOnlyList<string> Directories { get; set; } = [];

    /// <summary>Units of systemd that are enabled, disabled or masked.</summary>
    public ServiceFacts Services { get; set; } = new();

    /// <summary>The facts of <paramref name="common"/> with those of this distribution on top.</summary>
    public Distribution On(Distribution common)
    {
        ArgumentNullException.ThrowIfNull(common);
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, path) in common.BootFiles.Concat(BootFiles)) files[name] = path;
        return this with
        {
            Components = [.. common.Components, .. Components],
            Packages = [.. common.Packages, .. Packages],
            BootPackages = [.. common.BootPackages, .. BootPackages],
            PathExclude = [.. common.PathExclude, .. PathExclude],
            PathInclude = [.. common.PathInclude, .. PathInclude],
            BootFiles = files,
            ModulesExclude = [.. common.ModulesExclude, .. ModulesExclude],
            Remove = [.. common.Remove, .. Remove],
            Directories = [.. common.Directories, .. Directories],
            Services = Services.On(common.Services),
        };
    }
}
