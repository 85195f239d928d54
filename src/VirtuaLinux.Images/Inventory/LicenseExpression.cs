using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace VirtuaLinux.Images.Inventory;

/// <summary>Turns the licence names of Debian's copyright format into SPDX expressions.</summary>
internal static partial class LicenseExpression
{
    private const int LongestSlug = 40;

    /// <summary>Names that are written otherwise in SPDX, or alike; only those that mean one text.</summary>
    private static readonly Dictionary<string, string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Apache-1.0"] = "Apache-1.0",
        ["Apache-1.1"] = "Apache-1.1",
        ["Apache-2"] = "Apache-2.0",
        ["Apache-2.0"] = "Apache-2.0",
        ["Artistic-2"] = "Artistic-2.0",
        ["Artistic-2.0"] = "Artistic-2.0",
        ["0BSD"] = "0BSD",
        ["BSD-2-clause"] = "BSD-2-Clause",
        ["BSD-3-clause"] = "BSD-3-Clause",
        ["BSD-4-clause"] = "BSD-4-Clause",
        ["BSD-4-clause-UC"] = "BSD-4-Clause-UC",
        ["BSL-1"] = "BSL-1.0",
        ["BSL-1.0"] = "BSL-1.0",
        ["CC0"] = "CC0-1.0",
        ["CC0-1.0"] = "CC0-1.0",
        ["CC-BY-3.0"] = "CC-BY-3.0",
        ["CC-BY-4.0"] = "CC-BY-4.0",
        ["CC-BY-SA-3.0"] = "CC-BY-SA-3.0",
        ["CC-BY-SA-4.0"] = "CC-BY-SA-4.0",
        ["Beerware"] = "Beerware",
        ["curl"] = "curl",
        ["Expat"] = "MIT",
        ["FSFAP"] = "FSFAP",
        ["FSFUL"] = "FSFUL",
        ["FSFULLR"] = "FSFULLR",
        ["FTL"] = "FTL",
        ["ISC"] = "ISC",
        ["libpng"] = "Libpng",
        ["MPL-1.1"] = "MPL-1.1",
        ["MPL-2.0"] = "MPL-2.0",
        ["OFL-1.1"] = "OFL-1.1",
        ["OLDAP-2.8"] = "OLDAP-2.8",
        ["OpenLDAP-2.8"] = "OLDAP-2.8",
        ["OpenSSL"] = "OpenSSL",
        ["Unlicense"] = "Unlicense",
        ["W3C"] = "W3C",
        ["X11"] = "X11",
        ["Zlib"] = "Zlib",
        ["GPL-2 with Linux-syscall-note exception"] = "GPL-2.0-only WITH Linux-syscall-note",
    };

    private static readonly HashSet<string> GnuVersions = ["GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0", "AGPL-1.0", "AGPL-3.0", "GFDL-1.1", "GFDL-1.2", "GFDL-1.3"];

    /// <summary>The terms that all hold at once. 'and' binds more strongly than 'or', unless a comma is in front of it.</summary>
    /// <param name="name">What the file says: <c>GPL-1+ or Artistic, and BSD-3-clause</c>.</param>
    /// <param name="reference">Gives an identifier for a name that SPDX does not have.</param>
    /// <param name="unclear">Whether a name means several texts where it comes from, so that it gets an identifier of its own all the same.</param>
    public static IEnumerable<string> TermsOf(string name, Func<string, string> reference, Func<string, bool>? unclear = null)
    {
        // Brackets and 'and/or' are not of the format: what they mean is for a lawyer.
        if (name.IndexOfAny(['(', ')', '/']) >= 0) return [reference(name)];
        return CommaAnd().Split(name).SelectMany(part => CommaOr().Split(part) switch
        {
            [var one] => And(one),
            var several => [string.Join(" OR ", several.Select(s => LicenseExpression.And([.. And(s)])).Distinct().Order(StringComparer.Ordinal))],
        });

        IEnumerable<string> And(string text) => WordAnd().Split(text).Select(n => n.Trim()).Select(n => (unclear?.Invoke(n) == true ? null : Identifier(n)) ?? reference(n));
    }

    /// <summary>One expression in which all terms hold.</summary>
    public static string And(IReadOnlyCollection<string> terms) =>
        terms.Count == 1 ? terms.First() : string.Join(" AND ", terms.Select(t => t.Contains(" OR ", StringComparison.Ordinal) ? $"({t})" : t));

    /// <summary>An identifier for a licence that SPDX has none for. Two texts under one name get two: the name alone does not say what is allowed.</summary>
    public static string ReferenceOf(string name, string text)
    {
        var slug = string.Concat(name.Take(LongestSlug).Select(c => char.IsAsciiLetterOrDigit(c) || c == '.' ? c : '-')).Trim('-');
        var words = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return $"LicenseRef-{slug}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name}\n{words}")).AsSpan(0, 4))}";
    }

    private static string? Identifier(string name)
    {
        if (Names.TryGetValue(name, out var known)) return known;
        if (Gnu().Match(name) is not { Success: true } gnu) return null;
        var id = $"{gnu.Groups["family"].Value.ToUpperInvariant()}-{gnu.Groups["major"].Value}{(gnu.Groups["minor"].Success ? gnu.Groups["minor"].Value : ".0")}";
        if (!GnuVersions.Contains(id)) return null;
        var invariants = gnu.Groups["niv"].Success ? "-no-invariants" : "";
        return id + invariants + (gnu.Groups["later"].Value is "+" or "-or-later" ? "-or-later" : "-only");
    }

    [GeneratedRegex(@"^(?<family>GPL|LGPL|AGPL|GFDL)(?<niv>(?<=GFDL)-NIV)?(-v?|v)(?<major>\d)(?<minor>\.\d)?(?<later>\+|-only|-or-later)?$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Gnu();

    [GeneratedRegex(@",\s+and\s+")]
    private static partial Regex CommaAnd();

    [GeneratedRegex(@",?\s+or\s+")]
    private static partial Regex CommaOr();

    [GeneratedRegex(@"\s+and\s+")]
    private static partial Regex WordAnd();
}
