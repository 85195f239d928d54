using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Stages;

/// <summary>Programs of the build machine that the build needs; everything else comes out of the image itself.</summary>
internal static class HostTools
{
    /// <summary>Program and the Debian package that brings it.</summary>
    private static readonly (string Program, string Package)[] Needed =
    [
        ("mmdebstrap", "mmdebstrap"),
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
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
    public static IEnumerable<string> Packages => Needed.Select(t => t.Package).Distinct();

    /// <exception cref="FailureException">Some are missing, or the build may not do what it must.</exception>
    public static void Check()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        var missing = Needed.Where(t => !path.Any(d => File.Exists(Path.Combine(d, t.Program)))).ToList();
        if (missing.Count > 0)
            throw new FailureException($"the build needs {string.Join(", ", missing.Select(m => m.Program))}; install: apt-get install {string.Join(' ', missing.Select(m => m.Package).Distinct())}");
        if (!Environment.IsPrivilegedProcess) throw new FailureException("the build makes files that belong to root; run it as root");
    }
}
