using System.Text.RegularExpressions;

namespace VirtuaLinux.Images.Packages;

/// <summary>Reads what dnf(8) says.</summary>
internal static partial class DnfMessage
{
    private const string Suspect = "only packages that are signed with the distribution's keys are installed: if the keys in distribution.yaml are right, do not trust this package archive";

    /// <summary>What an error line says in our words ({0} is what it is about), and what to do; the telling ones first.</summary>
    private static readonly (Regex Line, string Cause, string Advice)[] Causes =
    [
        (Unsigned(), "the package {0} is not signed", Suspect),
        (OtherKey(), "the package {0} is not signed with the distribution's keys", Suspect),
        (Damaged(), "the package {0} is damaged, or was changed after it was signed", Suspect),
        (MetadataSignature(), "the metadata of the repository {0} is not what was signed with the distribution's keys", "do not trust this package archive"),
        (NoMetadataSignature(), "the metadata of the repository {0} is not signed", "do not trust this package archive, or if the distribution signs nothing but its packages, write signedMetadata: false"),
        (Checksum(), "{0}", "the repository's files do not fit each other: try again later, or name another package archive"),
        (Unreachable(), "{0}", "check the network and baseUrl, or name another package archive"),
        (Problem(), "{0}", "the repositories do not have what these packages need together: add what is missing"),
        (Scriptlet(), "{0}", "the package's own script failed"),
        (Conflict(), "{0}", "two packages bring the same file: leave one of them out"),
        (AnyError(), "{0}", "check the network and the names of packages in distribution.yaml, or name another package archive"),
    ];

    /// <summary>A line of progress in short, or null.</summary>
    public static string? Progress(string line) => Step().Match(line) is { Success: true } step ? Blanks().Replace(step.Value.Trim(), " ") : null;

    /// <summary>Names of packages that no repository has.</summary>
    public static IReadOnlyList<string> Missing(IEnumerable<string> lines) => [.. lines.Select(l => NoMatch().Match(l)).Where(m => m.Success).Select(m => m.Groups["name"].Value).Distinct()];

    /// <summary>Why dnf failed and what to do; null if it does not say.</summary>
    public static string? Explain(IReadOnlyList<string> lines)
    {
        foreach (var (line, cause, advice) in Causes)
            if (lines.Select(l => line.Match(l)).FirstOrDefault(m => m.Success) is { } found) return $"{cause.Replace("{0}", Blanks().Replace(found.Groups["what"].Value.Trim(), " ").TrimEnd('.'), StringComparison.Ordinal)}; {advice}";
        return null;
    }

    [GeneratedRegex(@"^\s+(Installing|Upgrading)\s+: \S+\s+\d+/\d+|^\(\d+/\d+\): \S+")]
    private static partial Regex Step();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex(@"^No match for argument: (?<name>.+)$")]
    private static partial Regex NoMatch();

    [GeneratedRegex(@"^Package (?<what>\S+) is not signed")]
    private static partial Regex Unsigned();

    [GeneratedRegex(@"Failing package is: (?<what>\S+)")]
    private static partial Regex OtherKey();

    [GeneratedRegex(@"^Problem opening package (?<what>\S+)")]
    private static partial Regex Damaged();

    [GeneratedRegex(@"for repo '(?<what>[^']+)': repomd\.xml GPG signature verification error")]
    private static partial Regex MetadataSignature();

    [GeneratedRegex(@"for repo '(?<what>[^']+)': GPG verification is enabled, but GPG signature is not available")]
    private static partial Regex NoMetadataSignature();

    [GeneratedRegex(@"(?<what>(Downloading successful, but checksum doesn't match|Package \S+ from local repository \S+ has incorrect checksum).*)$")]
    private static partial Regex Checksum();

    [GeneratedRegex(@"(?<what>(Curl error|Status code: ).*)$")]
    private static partial Regex Unreachable();

    [GeneratedRegex(@"^\s*Problem[^:]*: (?<what>.*)$")]
    private static partial Regex Problem();

    [GeneratedRegex(@"^\s*(?<what>Error in \S+ scriptlet in rpm package \S+)", RegexOptions.IgnoreCase)]
    private static partial Regex Scriptlet();

    [GeneratedRegex(@"^\s*(?<what>file \S+ .*conflicts .*)$")]
    private static partial Regex Conflict();

    [GeneratedRegex(@"^Error: (?<what>.*\S.*)$")]
    private static partial Regex AnyError();
}
