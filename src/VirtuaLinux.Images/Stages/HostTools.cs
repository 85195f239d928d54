using VirtuaLinux.Host;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Stages;

/// <summary>Programs of the build machine that every build needs, besides those of its package manager; everything else comes out of the image itself.</summary>
internal static class HostTools
{
    /// <summary>Program and the Debian package that brings it.</summary>
    private static readonly (string Program, string Package)[] Needed =
    [
        ("cp", "coreutils"),
        ("chroot", "coreutils"),
        ("zstd", "zstd"),
        ("veritysetup", "cryptsetup-bin"),
        ("mksquashfs", "squashfs-tools"),
        ("xorriso", "xorriso"),
        ("mkfs.fat", "dosfstools"),
        ("mcopy", "mtools"),
        ("mmd", "mtools"),
    ];

    /// <summary>The Debian packages that bring them.</summary>
    public static IEnumerable<string> Packages(PackageManager manager) => All(manager).Select(t => t.Package).Distinct();

    /// <exception cref="FailureException">Some are missing, or the build may not do what it must.</exception>
    public static void Check(PackageManager manager)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        var missing = All(manager).Where(t => !path.Any(d => File.Exists(Path.Combine(d, t.Program)))).ToList();
        if (missing.Count > 0)
            throw new FailureException($"the build needs {string.Join(", ", missing.Select(m => m.Program))}; install: apt-get install {string.Join(' ', missing.Select(m => m.Package).Distinct())}");
        if (!Environment.IsPrivilegedProcess) throw new FailureException("the build makes files that belong to root; run it as root");
    }

    private static IEnumerable<(string Program, string Package)> All(PackageManager manager) => manager.Programs.Concat(Needed);
}
