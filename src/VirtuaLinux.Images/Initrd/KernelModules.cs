using System.IO.Enumeration;
using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Initrd;

/// <summary>The modules of one kernel and how they depend on each other, as depmod(8) wrote it down.</summary>
public sealed class KernelModules
{
    private readonly Dictionary<string, string> paths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> dependencies = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> softDependencies = new(StringComparer.Ordinal);
    private readonly ILookup<string, string> aliases;
    private readonly HashSet<string> builtIn;

    /// <summary>Reads a module directory (<c>…/modules/RELEASE</c>).</summary>
    public KernelModules(string directory)
    {
        foreach (var line in File.ReadLines(Path.Combine(directory, "modules.dep")))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var name = ModuleFile.NameOf(line[..colon]);
            paths[name] = line[..colon];
            dependencies[name] = [.. line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ModuleFile.NameOf)];
        }
        builtIn = [.. Lines(directory, "modules.builtin").Select(ModuleFile.NameOf)];
        aliases = Lines(directory, "modules.alias").Select(l => l.Split(' ')).Where(w => w is ["alias", _, _]).ToLookup(w => w[1].Replace('-', '_'), w => w[2], StringComparer.Ordinal);
        foreach (var words in Lines(directory, "modules.softdep").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(w => w is ["softdep", _, ..]))
            softDependencies[words[1]] = [.. words.Skip(2).Where(w => w is not ("pre:" or "post:"))];
    }

    /// <summary>Path of a module relative to the directory.</summary>
    public string PathOf(string name) => paths[name];

    /// <summary>The modules that a list asks for and all that they need, sorted.</summary>
    /// <param name="list">
    /// One wish a line: <c>drivers/net/</c> is everything below a folder of <c>kernel/</c>, <c>virtio_*</c> are modules by name, <c>?name</c> one that
    /// some kernels lack, <c>!folder/</c> or <c>!name</c> takes away what earlier lines asked for; <c>#</c> starts a comment.
    /// </param>
    /// <param name="listName">The list's name, for messages.</param>
    /// <exception cref="FailureException">A line that fits no module.</exception>
    public IReadOnlyCollection<string> Select(IEnumerable<string> list, string listName)
    {
        ArgumentNullException.ThrowIfNull(list);
        var wanted = new SortedSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in list)
        {
            number++;
            var wish = line.Split('#')[0].Trim();
            if (wish.Length == 0) continue;
            var pattern = wish.TrimStart('?', '!');
            var matches = Matching(pattern);
            if (matches.Count == 0 && wish[0] is not ('?' or '!') && !builtIn.Any(b => Fits(b, pattern)))
                throw new FailureException($"{listName}:{number}: this kernel has no module '{pattern}'; correct the name, or write '?{pattern}' if some kernels do without it");
            if (wish[0] == '!') wanted.ExceptWith(matches);
            else wanted.UnionWith(matches);
        }
        return Closure(wanted);
    }

    private SortedSet<string> Closure(IEnumerable<string> wanted)
    {
        var closure = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(wanted);
        while (open.TryPop(out var name))
        {
            if (!closure.Add(name)) continue;
            foreach (var dependency in dependencies[name]) open.Push(dependency);
            foreach (var dependency in softDependencies.GetValueOrDefault(name, []).SelectMany(Provide)) open.Push(dependency);
        }
        return closure;
    }

    /// <summary>A soft dependency names a module or an alias such as <c>crc32c</c>; it may well be built in.</summary>
    private IEnumerable<string> Provide(string name)
    {
        var normal = name.Replace('-', '_');
        return paths.ContainsKey(normal) ? [normal] : aliases[normal].Where(paths.ContainsKey);
    }

    private List<string> Matching(string pattern) => pattern.EndsWith('/')
        ? [.. paths.Where(p => p.Value.StartsWith($"kernel/{pattern}", StringComparison.Ordinal)).Select(p => p.Key)]
        : [.. paths.Keys.Where(n => Fits(n, pattern))];

    private static bool Fits(string name, string pattern) => FileSystemName.MatchesSimpleExpression(pattern.Replace('-', '_'), name, ignoreCase: false);

    private static IEnumerable<string> Lines(string directory, string file) =>
        File.Exists(Path.Combine(directory, file)) ? File.ReadLines(Path.Combine(directory, file)).Where(l => l.Length > 0 && l[0] != '#') : [];
}
