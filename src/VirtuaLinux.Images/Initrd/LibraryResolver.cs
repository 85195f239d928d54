using VirtuaLinux.Host;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Initrd;

/// <summary>Finds every library that programs need inside a root, as ld.so(8) would find it there.</summary>
/// <param name="root">The root.</param>
public sealed class LibraryResolver(string root)
{
    /// <summary>Folders of libraries, the most specific first.</summary>
    public IReadOnlyList<string> Directories { get; } = [.. new[] { "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib" }.Where(d => Directory.Exists(Path.Combine(root, d)))];

    /// <summary>All that the given files need to be loaded, loaders included: paths relative to the root, sorted. Symbolic links among them are to be followed by the caller.</summary>
    /// <param name="files">Absolute paths of programs and libraries, inside the root or not.</param>
    /// <exception cref="FailureException">A library is not in the root.</exception>
    public IReadOnlyCollection<string> Resolve(IEnumerable<string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(files);
        while (open.TryPop(out var file))
        {
            if (!ElfFile.TryParse(File.ReadAllBytes(file), out var elf)) continue;
            foreach (var needed in elf.Needed)
            {
                var library = Find(needed, file, elf.RunPath);
                if (found.Add(library)) open.Push(Path.Combine(root, library));
            }
            if (elf.Interpreter is { } loader) found.Add(loader.TrimStart('/'));
        }
        return found;
    }

    /// <summary>The library's path, relative to the root; null when it is not there.</summary>
    public string? Find(string name) => Directories.Select(d => $"{d}/{name}").FirstOrDefault(p => File.Exists(Path.Combine(root, p)));

    private string Find(string name, string neededBy, IReadOnlyList<string> runPath)
    {
        var own = runPath.Select(p => RootPath.Resolve(root, p.Replace("$ORIGIN", "/" + Path.GetRelativePath(root, Path.GetDirectoryName(neededBy)!), StringComparison.Ordinal)));
        return own.Select(d => $"{d}/{name}").FirstOrDefault(p => File.Exists(Path.Combine(root, p))) ?? Find(name) ?? throw new FailureException($"{neededBy} needs {name}, which no package of the image brings; add the package to the overlay's distribution.yaml");
    }
}
