using System.IO.Enumeration;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Initrd;

/// <summary>Fills the initrd's archive from an image's root, laid out as in that root.</summary>
/// <param name="archive">The archive.</param>
/// <param name="root">The root whose files are taken.</param>
public sealed class InitrdContents(CpioArchive archive, string root)
{
    private static readonly string[] FirmwareCompressions = ["", ".zst", ".xz"];

    /// <summary>Folders, and the links of a root whose programs are all below <c>/usr</c>.</summary>
    public void AddSkeleton()
    {
        foreach (var directory in (string[])["dev", "proc", "sys", "run", "tmp", "sysroot", "etc", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"]) archive.AddDirectory(directory);
        foreach (var name in (string[])["bin", "sbin", "lib", "lib64"]) archive.AddLink(name, $"usr/{name}");
        // The kernel opens its console before anything is mounted.
        archive.AddCharacterDevice("dev/console", 5, 1).AddCharacterDevice("dev/null", 1, 3);
        archive.AddLink("var/run", "../run").AddLink("etc/mtab", "/proc/self/mounts");
        archive.AddFile("etc/passwd", Encoding.ASCII.GetBytes("root:x:0:0:root:/:/bin/sh\n")).AddFile("etc/group", Encoding.ASCII.GetBytes("root:x:0:\n"));
        if (File.Exists(Path.Combine(root, "etc/mke2fs.conf"))) AddFromRoot("etc/mke2fs.conf");
    }

    /// <summary>Adds programs and libraries by name, with all libraries that they need.</summary>
    /// <param name="list">A name a line; one with <c>.so</c> is a library; <c>#</c> starts a comment.</param>
    /// <param name="listName">The list's name, for messages.</param>
    /// <exception cref="FailureException">The root does not have one of them.</exception>
    public void AddPrograms(IEnumerable<string> list, string listName)
    {
        ArgumentNullException.ThrowIfNull(list);
        var libraries = new LibraryResolver(root);
        var number = 0;
        foreach (var line in list)
        {
            number++;
            var name = line.Split('#')[0].Trim();
            if (name.Length == 0) continue;
            var path = (name.Contains(".so", StringComparison.Ordinal) ? libraries.Find(name) : FindProgram(name))
                ?? throw new FailureException($"{listName}:{number}: no package of the image brings '{name}'; add the package to the overlay's distribution.yaml");
            AddFromRoot(path);
            AddLibraries(libraries, Path.Combine(root, RootPath.Resolve(root, path)));
        }
    }

    /// <summary>Adds a program of the build machine with all libraries that it needs, taken from the root.</summary>
    public void AddProgram(string path, string source)
    {
        archive.AddFileFrom(path, source, executable: true);
        AddLibraries(new LibraryResolver(root), source);
    }

    /// <summary>Adds everything below a module directory that modprobe(8) needs.</summary>
    public void AddModules(string directory, string release)
    {
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
            archive.AddFileFrom($"usr/lib/modules/{release}/{Path.GetRelativePath(directory, file)}", file, executable: false);
    }

    /// <summary>Adds firmware by the names that modules declare; a name may have wildcards.</summary>
    /// <returns>The names that no package of the image brings.</returns>
    public IReadOnlyCollection<string> AddFirmware(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        const string folder = "usr/lib/firmware";
        List<string> missing = [];
        foreach (var name in names)
        {
            var files = name.Contains('*', StringComparison.Ordinal)
                ? Matching($"{folder}/{name}")
                : [.. FirmwareCompressions.Select(c => $"{folder}/{name}{c}").Where(f => Path.Exists(Path.Combine(root, RootPath.Resolve(root, f)))).Take(1)];
            if (files.Count == 0) missing.Add(name);
            foreach (var file in files) AddFromRoot(file);
        }
        return missing;
    }

    /// <summary>Adds a file of the root under its own path, and each link on the way to it.</summary>
    public void AddFromRoot(string path)
    {
        var parent = RootPath.Resolve(root, Path.GetDirectoryName(path.TrimStart('/')) ?? "");
        var entry = $"{parent}/{Path.GetFileName(path)}";
        var file = Path.Combine(root, entry);
        if (new FileInfo(file).LinkTarget is { } target)
        {
            archive.AddLink(entry, target);
            AddFromRoot(target.StartsWith('/') ? target : $"{parent}/{target}");
            return;
        }
        archive.AddFileFrom(entry, file, (File.GetUnixFileMode(file) & UnixFileMode.UserExecute) != 0);
    }

    private void AddLibraries(LibraryResolver libraries, string program)
    {
        foreach (var library in libraries.Resolve([program])) AddFromRoot(library);
    }

    private string? FindProgram(string name) =>
        new[] { $"usr/sbin/{name}", $"usr/bin/{name}" }.FirstOrDefault(p => Path.Exists(Path.Combine(root, RootPath.Resolve(root, p))));

    private List<string> Matching(string pattern)
    {
        var folder = Path.GetDirectoryName(pattern)!;
        var directory = Path.Combine(root, RootPath.Resolve(root, folder));
        if (!Directory.Exists(directory)) return [];
        return [.. Directory.EnumerateFiles(directory).Select(f => Path.GetFileName(f)).Where(f => FileSystemName.MatchesSimpleExpression(Path.GetFileName(pattern), f, ignoreCase: false)).Order(StringComparer.Ordinal).Select(f => $"{folder}/{f}")];
    }
}
