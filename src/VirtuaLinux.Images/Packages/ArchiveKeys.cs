using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Packages;

/// <summary>The files with the keys that a package archive is verified with.</summary>
internal static class ArchiveKeys
{
    /// <summary>Packages that bring files which distributions name, by the file's name.</summary>
    private static readonly Dictionary<string, string> Packages = new()
    {
        ["debian-archive-keyring.gpg"] = "debian-archive-keyring",
        ["ubuntu-archive-keyring.gpg"] = "ubuntu-archive-keyring (from Debian 13 on; on Ubuntu it is ubuntu-keyring)",
    };

    /// <summary>What to do about a file that is not there.</summary>
    public static string Advice(string file) => Packages.TryGetValue(Path.GetFileName(file), out var package)
        ? $"apt-get install {package}, or put the archive's key there"
        : "put the archive's key there, or install the package that brings it";

    /// <exception cref="FailureException">One is not there.</exception>
    public static void Check(IReadOnlyList<string> files)
    {
        if (files.FirstOrDefault(f => !File.Exists(f)) is { } missing) throw new FailureException($"{missing}: this key file of the package archive is not there; {Advice(missing)}");
    }

    /// <summary>Brings them together in a folder, as apt(8) takes one file or one folder.</summary>
    public static string Collect(IReadOnlyList<string> files, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (number, file) in files.Index()) File.Copy(file, Path.Combine(folder, $"{number}-{Path.GetFileName(file)}"));
        return folder;
    }
}
