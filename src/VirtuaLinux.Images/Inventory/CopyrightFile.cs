namespace VirtuaLinux.Images.Inventory;

/// <summary>A package's copyright file, where it is machine-readable (Debian's copyright format 1.0, once DEP-5).</summary>
public static class CopyrightFile
{
    private static readonly Dictionary<string, string> None = [];

    /// <summary>The SPDX expression of all licences that the file names for some of its files, and the texts of those that have no SPDX identifier.</summary>
    /// <returns>A null expression where the file is not machine-readable, or leaves the licence of some files open.</returns>
    public static (string? Expression, IReadOnlyDictionary<string, string> Texts) Read(string text)
    {
        var references = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var reader = new StringReader(text);
        var paragraphs = ControlFile.Read(reader).ToList();
        if (paragraphs.Count == 0 || !(paragraphs[0].GetValueOrDefault("Format") ?? "").Contains("copyright-format", StringComparison.Ordinal)) return (null, None);
        var texts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var paragraph in paragraphs)
            if (Split(paragraph) is (var name, { Length: > 0 } body)) texts.TryAdd(name, body);
        var ruled = paragraphs.Where(p => p.ContainsKey("Files")).ToList();
        if (ruled.Count == 0) ruled = [paragraphs[0]];
        var terms = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var paragraph in ruled)
        {
            if (Split(paragraph) is not { Name.Length: > 0 } license) return (null, None);
            terms.UnionWith(LicenseExpression.TermsOf(license.Name, name => Reference(name, texts.GetValueOrDefault(name, ""), references)));
        }
        return (LicenseExpression.And(terms), references);
    }

    private static (string Name, string Text) Split(IReadOnlyDictionary<string, string> paragraph)
    {
        var field = paragraph.GetValueOrDefault("License") ?? "";
        var end = field.IndexOf('\n', StringComparison.Ordinal);
        return end < 0 ? (field, "") : (field[..end], field[(end + 1)..].Trim('\n'));
    }

    /// <summary>Two texts under one name get two references: the name alone does not say what is allowed.</summary>
    private static string Reference(string name, string text, SortedDictionary<string, string> references)
    {
        // The format leaves 'MIT' undefined, since several texts go by that name; X11's and Expat's differ in their last paragraph.
        if (name.Equals("MIT", StringComparison.OrdinalIgnoreCase) && IsExpat(text)) return "MIT";
        var id = LicenseExpression.ReferenceOf(name, text);
        references[id] = text.Length > 0 ? text : $"The package's copyright file names '{name}' and has no text of it.";
        return id;
    }

    private static bool IsExpat(string text)
    {
        var words = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return words.StartsWith("Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files", StringComparison.Ordinal)
            && words.Contains("to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies", StringComparison.Ordinal)
            && words.EndsWith("OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.", StringComparison.Ordinal);
    }
}
