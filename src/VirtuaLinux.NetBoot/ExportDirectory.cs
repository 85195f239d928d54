using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.NetBoot;

/// <summary>The directory that TFTP and HTTP export, read-only; nothing outside it can be opened, by <c>..</c> or by links.</summary>
public sealed class ExportDirectory
{
    private const int MaximumLinks = 40;
    private readonly string root;

    /// <summary>Exports a directory.</summary>
    /// <exception cref="FailureException">It does not exist.</exception>
    public ExportDirectory(string path)
    {
        if (!Directory.Exists(path)) throw new FailureException($"'{path}' is not a directory; name the directory that TFTP and HTTP shall export");
        root = Resolve(Path.GetFullPath(path)) ?? throw new FailureException($"'{path}' has a loop of symbolic links");
    }

    /// <summary>Opens a file; null when there is none, or when it lies outside.</summary>
    /// <param name="path">Names with slashes between them, as <see cref="BootPath.TryNormalize"/> gives.</param>
    public BootFile? TryOpen(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            var named = Path.Combine(root, path);
            if (!File.Exists(named)) named = FindIgnoringCase(path);
            if (named is null || Resolve(named) is not { } resolved || !IsInside(resolved)) return null;
            if (PlainFile.TryOpen(resolved) is not { } handle) return null;
            // What was really opened is compared once more, so that a link swapped in between gains nothing.
            var opened = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{handle.DangerousGetHandle()}")).LinkTarget;
            if (opened is not null && IsInside(opened))
                return new BootFile(handle, string.Create(CultureInfo.InvariantCulture, $"{File.GetLastWriteTimeUtc(handle).Ticks:x}-{RandomAccess.GetLength(handle):x}"));
            handle.Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether there is a file of this name that can be opened.</summary>
    public bool Has(string path)
    {
        using var file = TryOpen(path);
        return file is not null;
    }

    private bool IsInside(string path) => path.StartsWith(root == "/" ? root : root + '/', StringComparison.Ordinal);

    /// <summary>Some firmware changes the case of names: each is looked for again without regard to case.</summary>
    private string? FindIgnoringCase(string path)
    {
        var current = root;
        var options = new EnumerationOptions { AttributesToSkip = 0 };
        foreach (var name in path.Split('/'))
        {
            if (!Directory.Exists(current)) return null;
            var match = Directory.EnumerateFileSystemEntries(current, "*", options)
                .Where(e => Path.GetFileName(e).Equals(name, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).FirstOrDefault();
            if (match is null) return null;
            current = match;
        }
        return File.Exists(current) ? current : null;
    }

    /// <summary>The absolute path without any link in it, like realpath(3); null for a loop.</summary>
    private static string? Resolve(string path)
    {
        var links = 0;
        var pending = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var resolved = "";
        while (pending.TryPop(out var name))
        {
            if (name == ".") continue;
            if (name == "..")
            {
                resolved = resolved[..Math.Max(0, resolved.LastIndexOf('/'))];
                continue;
            }
            if (new FileInfo($"{resolved}/{name}").LinkTarget is not { } target)
            {
                resolved = $"{resolved}/{name}";
                continue;
            }
            if (++links > MaximumLinks) return null;
            if (target.StartsWith('/')) resolved = "";
            foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) pending.Push(part);
        }
        return resolved.Length == 0 ? "/" : resolved;
    }
}
