using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Stages;

/// <summary>Kernel and boot loaders among the boot packages, by the names under which the product knows them.</summary>
internal sealed class BootFiles(Distribution distribution, string boot)
{
    /// <summary>The folder of GRUB's modules for BIOS.</summary>
    public const string BiosModules = "grub-i386-pc";

    /// <summary>The files that boot services export, besides the initrd.</summary>
    public static IReadOnlyList<string> Exported { get; } = ["vmlinuz", "undionly.kpxe", "ipxe.efi", "shimx64.efi", "grubx64.efi"];

    /// <summary>The loaders of an EFI partition by their paths on it: firmware loads the signed shim, and that the signed GRUB that reads disks.</summary>
    public static IReadOnlyList<(string Path, string Name)> EfiLoaders { get; } = [("EFI/BOOT/BOOTX64.EFI", "shimx64.efi"), ("EFI/BOOT/grubx64.efi", "grubx64-medium.efi"), ("EFI/BOOT/mmx64.efi", "mmx64.efi")];

    /// <summary>All names that a distribution must give a place.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Exported.Union(EfiLoaders.Select(l => l.Name)), BiosModules];

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
        throw new FailureException($"distribution.yaml: bootFiles does not say where the folder {name} is; add it, and the package that brings it to the role 'loaders'");
    }
}
