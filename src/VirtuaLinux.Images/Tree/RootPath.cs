using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Tree;

/// <summary>Paths inside a root that is not this machine's: absolute symbolic links are meant relative to it.</summary>
public static class RootPath
{
    private const int MostLinks = 40;

    /// <summary>Follows all symbolic links of a path inside the root; returns the path of what they lead to, relative to the root. What does not exist is no link.</summary>
    /// <exception cref="FailureException">Links that go round in circles.</exception>
    public static string Resolve(string root, string path)
    {
        var done = new List<string>();
        var open = new Stack<string>(Parts(path).Reverse());
        for (var links = 0; open.TryPop(out var part);)
        {
            if (part == "..")
            {
                if (done.Count > 0) done.RemoveAt(done.Count - 1);
                continue;
            }
            done.Add(part);
            if (new FileInfo(Path.Combine(root, string.Join('/', done))).LinkTarget is not { } target) continue;
            if (++links > MostLinks) throw new FailureException($"{path}: too many symbolic links in {root}");
            if (target.StartsWith('/')) done.Clear();
            else done.RemoveAt(done.Count - 1);
            foreach (var step in Parts(target).Reverse()) open.Push(step);
        }
        return string.Join('/', done);
    }

    /// <summary>Whether a link leads above the root, by what it says alone; at the root itself <c>..</c> is the root, so that only a mistake or malice writes that.</summary>
    /// <param name="path">The link's path in the root.</param>
    /// <param name="target">What it says.</param>
    public static bool LeavesRoot(string path, string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var depth = target.StartsWith('/') ? 0 : Parts(path).Count() - 1;
        return Parts(target).Any(part => (depth += part == ".." ? -1 : 1) < 0);
    }

    private static IEnumerable<string> Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".");
}
