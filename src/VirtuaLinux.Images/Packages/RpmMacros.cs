namespace VirtuaLinux.Images.Packages;

/// <summary>Values of rpm's macros.</summary>
internal static class RpmMacros
{
    /// <summary>What rpm calls a net shared path: a folder with all that is in it, or a file, that packages may not bring. Null for a pattern that rpm has no words for.</summary>
    /// <param name="pattern">As in <c>pathExclude</c>: <c>/usr/share/man/*</c> or <c>/usr/bin/tool</c>.</param>
    public static string? NetSharedPath(string pattern)
    {
        var path = pattern.EndsWith("/*", StringComparison.Ordinal) ? pattern[..^2] : pattern;
        // The list's own separator, the macros' sign and wildcards cannot be quoted in it.
        return path.Length > 1 && path[0] == '/' && path[^1] != '/' && path.IndexOfAny(['*', '?', '[', ':', '%', ' ', '\t', '\n', '\\', '#']) < 0 ? path : null;
    }
}
