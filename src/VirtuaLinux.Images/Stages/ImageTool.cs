using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Stages;

/// <summary>Runs programs that the image's packages brought, with the libraries that they brought: the same version whatever the build machine has, so that the same bytes come out.</summary>
internal sealed class ImageTool(params IReadOnlyList<string> roots)
{
    /// <summary>A call of a program of the image.</summary>
    /// <exception cref="FailureException">No package brought it.</exception>
    public ExternalCommand Call(string program, params IReadOnlyList<string> arguments)
    {
        var path = Find(["usr/sbin", "usr/bin"], program) ?? throw new FailureException($"no package of the image brings {program}; add one to a role in the overlay's distribution.yaml");
        var loader = Find(["lib64", "usr/lib64"], "ld-linux-x86-64.so.2") ?? throw new FailureException("the image has no dynamic loader (package libc6)");
        var libraries = string.Join(':', roots.SelectMany(r => new LibraryResolver(r).Directories.Select(d => Path.Combine(r, d))));
        return ExternalCommand.Of(loader, "--inhibit-cache", "--library-path", libraries, "--argv0", program, path).With(arguments);
    }

    private string? Find(string[] folders, string name)
    {
        foreach (var root in roots)
            foreach (var folder in folders)
            {
                var path = Path.Combine(root, RootPath.Resolve(root, $"{folder}/{name}"));
                if (File.Exists(path)) return path;
            }
        return null;
    }
}
