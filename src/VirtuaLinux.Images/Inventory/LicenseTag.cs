using System.Text.RegularExpressions;

namespace VirtuaLinux.Images.Inventory;

/// <summary>The licence tag of an RPM package: an SPDX expression in newer releases, and in older ones (EL 9) mostly Fedora's short names.</summary>
public static partial class LicenseTag
{
    private static readonly HashSet<string> Known = [.. ListOf("spdx-licenses")];
    private static readonly HashSet<string> Exceptions = [.. ListOf("spdx-exceptions")];

    /// <summary>The tag as an SPDX expression, and a text for each identifier in it that is not SPDX's.</summary>
    /// <returns>A null expression for an empty tag.</returns>
    public static (string? Expression, IReadOnlyDictionary<string, string> Texts) Read(string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        var references = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var text = string.Join(' ', tag.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (text.Length == 0) return (null, references);
        var words = Words().Matches(text).Select(m => m.Value).ToList();
        if (IsExpression(words))
        {
            foreach (var word in words.Where(w => w.StartsWith("LicenseRef-", StringComparison.Ordinal))) references[word] = Unknown(word);
            return (text, references);
        }
        var terms = new SortedSet<string>(StringComparer.Ordinal);
        // Fedora's LGPLv2 is version 2 or 2.1, whichever: no one identifier means that.
        terms.UnionWith(LicenseExpression.TermsOf(text, Reference, n => n.StartsWith("LGPLv2", StringComparison.Ordinal)));
        return (LicenseExpression.And(terms), references);

        string Reference(string name)
        {
            var id = LicenseExpression.ReferenceOf(name, "");
            references[id] = Unknown(name);
            return id;
        }
    }

    private static string Unknown(string name) => $"The package's licence tag names '{name}' and has no text of it.";

    /// <summary>Whether words are an expression (spdx-spec 2.3, annex D) of identifiers that SPDX has.</summary>
    private static bool IsExpression(List<string> words)
    {
        var at = 0;
        return Terms() && at == words.Count;

        bool Terms()
        {
            if (!Term()) return false;
            while (at < words.Count && words[at] is "AND" or "OR")
            {
                at++;
                if (!Term()) return false;
            }
            return true;
        }

        bool Term()
        {
            if (at == words.Count) return false;
            if (words[at] == "(")
            {
                at++;
                return Terms() && at < words.Count && words[at++] == ")";
            }
            if (!IsLicense(words[at++])) return false;
            if (at == words.Count || words[at] != "WITH") return true;
            at++;
            return at < words.Count && Exceptions.Contains(words[at++]);
        }
    }

    private static bool IsLicense(string word) => Known.Contains(word) || word.EndsWith('+') && Known.Contains(word[..^1]) || Own().IsMatch(word);

    private static IEnumerable<string> ListOf(string name)
    {
        using var reader = new StreamReader(typeof(LicenseTag).Assembly.GetManifestResourceStream(name)!);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l[0] != '#')];
    }

    [GeneratedRegex(@"[()]|[^()\s]+")]
    private static partial Regex Words();

    [GeneratedRegex(@"^LicenseRef-[A-Za-z0-9.-]+$")]
    private static partial Regex Own();
}
