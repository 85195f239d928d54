using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Definitions;

/// <summary>The facts of an overlay, <c>overlays/NAME/distribution.yaml</c>; or those of a whole chain of overlays, see <see cref="OverlayChain"/>.</summary>
public sealed record Distribution
{
    /// <summary>The only architecture so far.</summary>
    public const string SupportedArchitecture = "x86-64";

    /// <summary>Version of this file's format; 1.</summary>
    public required int Version { get; set; }

    /// <summary>Name for people, such as <c>Debian 13 "trixie"</c>. Not inherited.</summary>
    public string Title { get; set; } = "";

    /// <summary>The family, by which others tell how packages and files are laid out.</summary>
    public DistributionFamily? Family { get; set; }

    /// <summary>The release's number, such as <c>13</c> or <c>24.04</c>; dnf's <c>$releasever</c>. Not inherited.</summary>
    public string Release { get; set; } = "";

    /// <summary>Processor architecture of the nodes; <c>x86-64</c>.</summary>
    public string Architecture { get; set; } = "";

    /// <summary>The distribution whose facts and files are beneath this one's; empty for none but <c>common</c>.</summary>
    public string Extends { get; set; } = "";

    /// <summary>Who installs packages: <c>mmdebstrap</c> or <c>dnf</c>.</summary>
    public string PackageManager { get; set; } = "";

    /// <summary>The release's name in the package archive, such as <c>trixie</c>.</summary>
    public string Suite { get; set; } = "";

    /// <summary>Further suites of the archive that packages are taken from, without the release's name: <c>updates</c> for <c>noble-updates</c>. Only where <see cref="Archive"/> is given.</summary>
    public IReadOnlyList<string> Pockets { get; set; } = [];

    /// <summary>Parts of the package archive.</summary>
    public IReadOnlyList<string> Components { get; set; } = [];

    /// <summary>URI of the package archive; empty for the package manager's own default.</summary>
    public string Archive { get; set; } = "";

    /// <summary>Files with the keys that the package archive is verified with: absolute paths of the build machine, or relative to the overlay's folder; empty for the package manager's own default, which dnf does not have.</summary>
    public IReadOnlyList<string> Keys { get; set; } = [];

    /// <summary>The repositories that dnf takes packages from, and no others.</summary>
    public IReadOnlyList<PackageRepository> Repositories { get; set; } = [];

    /// <summary>Packages and units by the name of the <see cref="Role"/> that they fill.</summary>
    public IReadOnlyDictionary<string, RoleFacts> Roles { get; set; } = new Dictionary<string, RoleFacts>();

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

    /// <summary>Packages of the root file system.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Packages => [.. Of(RoleUse.Installed, r => r.Packages), .. ImagePackages];

    /// <summary>Packages that an image has on top of the distribution's.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> ImagePackages { get; init; } = [];

    /// <summary>Packages that are unpacked beside the root and never installed in it: kernel and boot loaders.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> BootPackages => Of(RoleUse.Unpacked, r => r.Packages);

    /// <summary>Units of systemd that start at boot.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Enable => Of(RoleUse.Installed, r => r.Enable);

    /// <summary>Units that do not start by themselves.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Disable => Of(RoleUse.Installed, r => r.Disable);

    /// <summary>Units that cannot be started at all.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Mask => Of(RoleUse.Installed, r => r.Mask);

    /// <summary>These facts over those of the distribution that they extend: what says where packages come from is replaced, and so is each role that this one gives; other lists are joined, and boot files by name.</summary>
    public Distribution Extending(Distribution parent) => Over(parent, (own, _) => own);

    /// <summary>These facts over those of all distributions: lists and roles are joined.</summary>
    public Distribution On(Distribution common) => Over(common, (own, shared) => own.On(shared));

    private Distribution Over(Distribution beneath, Func<RoleFacts, RoleFacts, RoleFacts> role)
    {
        ArgumentNullException.ThrowIfNull(beneath);
        var roles = new Dictionary<string, RoleFacts>(beneath.Roles);
        foreach (var (name, own) in Roles) roles[name] = beneath.Roles.TryGetValue(name, out var other) ? role(own, other) : own;
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, path) in beneath.BootFiles.Concat(BootFiles)) files[name] = path;
        return this with
        {
            Family = Family ?? beneath.Family,
            Architecture = Own(Architecture, beneath.Architecture),
            PackageManager = Own(PackageManager, beneath.PackageManager),
            Suite = Own(Suite, beneath.Suite),
            Pockets = Own(Pockets, beneath.Pockets),
            Components = Own(Components, beneath.Components),
            Archive = Own(Archive, beneath.Archive),
            Keys = Own(Keys, beneath.Keys),
            Repositories = Own(Repositories, beneath.Repositories),
            Roles = roles,
            PathExclude = [.. beneath.PathExclude, .. PathExclude],
            PathInclude = [.. beneath.PathInclude, .. PathInclude],
            BootFiles = files,
            ModulesExclude = [.. beneath.ModulesExclude, .. ModulesExclude],
            Remove = [.. beneath.Remove, .. Remove],
            Directories = [.. beneath.Directories, .. Directories],
        };
    }

    private List<string> Of(RoleUse use, Func<RoleFacts, IReadOnlyList<string>> list) =>
        [.. Role.All.Where(r => r.Use == use && Roles.ContainsKey(r.Name)).SelectMany(r => list(Roles[r.Name]))];

    private static string Own(string own, string inherited) => own.Length > 0 ? own : inherited;

    private static IReadOnlyList<T> Own<T>(IReadOnlyList<T> own, IReadOnlyList<T> inherited) => own.Count > 0 ? own : inherited;
}
