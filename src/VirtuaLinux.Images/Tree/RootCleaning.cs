using System.Globalization;

namespace VirtuaLinux.Images.Tree;

/// <summary>Takes out of a root what installation left behind: caches, what differs from build to build, and what must differ from node to node.</summary>
public static class RootCleaning
{
    private const long SecondsPerDay = 86400;

    /// <summary>Removes files and folders.</summary>
    /// <param name="root">The root.</param>
    /// <param name="patterns">Paths inside the root whose last part may have wildcards; none need to exist.</param>
    public static void Remove(string root, IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        foreach (var pattern in patterns.Select(p => p.Trim('/')))
        {
            var folder = new DirectoryInfo(Path.Combine(root, RootPath.Resolve(root, Path.GetDirectoryName(pattern) ?? "")));
            if (!folder.Exists) continue;
            foreach (var entry in folder.EnumerateFileSystemInfos(Path.GetFileName(pattern)).ToList())
            {
                if (entry is DirectoryInfo { LinkTarget: null } directory) directory.Delete(recursive: true);
                else entry.Delete();
            }
        }
    }

    /// <summary>Sets the day of each account's last password change (shadow(5)), which is the day of the build, to that of the image.</summary>
    public static void DatePasswords(string root, long epoch)
    {
        var path = Path.Combine(root, "etc/shadow");
        if (!File.Exists(path)) return;
        var day = (epoch / SecondsPerDay).ToString(CultureInfo.InvariantCulture);
        var lines = File.ReadAllLines(path).Select(line =>
        {
            var fields = line.Split(':');
            if (fields.Length > 2 && fields[2].Length > 0) fields[2] = day;
            return string.Join(':', fields);
        }).ToList();
        File.WriteAllLines(path, lines);
    }
}
