using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Stages;

/// <summary>Kernel and boot loaders among the boot packages, by the names under which the product knows them.</summary>
internal sealed class BootFiles(Distribution distribution, string boot)
{
    /// <summary>Absolute path of a file; the facts may have wildcards in its last part, as kernels carry their release in the name.</summary>
    /// <exception cref="FailureException">The facts do not name it, or no package brings it.</exception>
    public string Locate(string name)
    {
        if (!distribution.BootFiles.TryGetValue(name, out var pattern)) throw new FailureException($"distribution.yaml: bootFiles does not say where {name} is; add it");
        var folder = Path.Combine(boot, RootPath.Resolve(boot, Path.GetDirectoryName(pattern)!));
        string[] found = Directory.Exists(folder) ? Directory.GetFiles(folder, Path.GetFileName(pattern)) : [];
        if (found is not [var only]) throw new FailureException($"distribution.yaml: bootFiles: {name}: {(found.Length == 0 ? "no boot package brings" : "several files fit")} '{pattern}'");
        return Path.Combine(boot, RootPath.Resolve(boot, Path.GetRelativePath(boot, only)));
    }

    /// <summary>Absolute path of a folder that the facts name.</summary>
    public string LocateDirectory(string name)
    {
        if (distribution.BootFiles.TryGetValue(name, out var path) && Directory.Exists(Path.Combine(boot, path))) return Path.Combine(boot, path);
        throw new FailureException($"distribution.yaml: bootFiles does not say where the folder {name} is; add it, and the package that brings it to bootPackages");
    }
}
