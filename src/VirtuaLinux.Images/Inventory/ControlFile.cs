namespace VirtuaLinux.Images.Inventory;

/// <summary>Debian's control files, deb822(5): paragraphs of fields, apart by empty lines. dpkg's status, apt's lists and copyright files are written so.</summary>
public static class ControlFile
{
    /// <summary>The paragraphs in order. Names of fields have no case; lines of a value are joined with <c>\n</c>, without the blank in front of each and with the dot of an empty line dropped.</summary>
    /// <remarks>Lines that are neither a field, a continuation nor a comment are skipped: these files come from packages, and one bad line must not hide the rest.</remarks>
    public static IEnumerable<IReadOnlyDictionary<string, string>> Read(TextReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string? open = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.Trim().Length == 0)
            {
                if (fields.Count > 0) yield return fields;
                if (fields.Count > 0) fields = new(StringComparer.OrdinalIgnoreCase);
                open = null;
            }
            else if (line[0] is ' ' or '\t')
            {
                if (open is not null) fields[open] += "\n" + (line.Trim() == "." ? "" : line[1..].TrimEnd());
            }
            else if (line[0] != '#')
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                open = colon > 0 ? line[..colon] : null;
                if (open is not null) fields[open] = line[(colon + 1)..].Trim();
            }
        }
        if (fields.Count > 0) yield return fields;
    }
}
