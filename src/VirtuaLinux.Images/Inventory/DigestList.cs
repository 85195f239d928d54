using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Inventory;

/// <summary>Digests of delivered files, <c>SHA256SUMS</c>, as sha256sum(1) reads and writes them.</summary>
public static class DigestList
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "SHA256SUMS";

    /// <summary>The file's text: sorted by name.</summary>
    public static string ToText(IEnumerable<KeyValuePair<string, string>> digests) =>
        string.Concat(digests.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => $"{d.Value}  {d.Key}\n"));

    /// <summary>Digests by name.</summary>
    /// <exception cref="InvalidInputException">A line is no digest of a file beside it.</exception>
    public static IReadOnlyDictionary<string, string> Parse(string fileName, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var errors = new List<Diagnostic>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.Length == 0) continue;
            // 'digest  name', or 'digest *name' where sha256sum was told that it is binary.
            var sound = line.Length > 66 && line[64] == ' ' && line[65] is ' ' or '*' && line[..64].All(char.IsAsciiHexDigit);
            if (!sound) errors.Add(new(fileName, number, "this is no digest of a file", "write 64 hexadecimal digits, two blanks and the file's name, as sha256sum does"));
            else if (line[66..] is var name && (name.Contains('/', StringComparison.Ordinal) || name is "." or "..")) errors.Add(new(fileName, number, $"'{name}' is not beside this list", "write names of files in the same folder only"));
            else digests[line[66..]] = line[..64].ToLowerInvariant();
        }
        if (errors.Count == 0 && digests.Count == 0) errors.Add(new(fileName, 1, "the list is empty, so that nothing can be checked", "take the one that 'virtualinux build' wrote"));
        return errors.Count == 0 ? digests : throw new InvalidInputException(errors);
    }

    /// <summary>Checks delivered files against the list beside them.</summary>
    /// <param name="path">The folder with the list: every file in it must be there. Or an image's medium beside the list: that must be in it, and of the image's other files those that are there are checked too.</param>
    /// <returns>What was found for each file, sorted by name.</returns>
    /// <exception cref="FailureException">There is no list, or the medium is not in it.</exception>
    public static IReadOnlyList<CheckedFile> Verify(string path)
    {
        var medium = Directory.Exists(path) ? null : Path.GetFileName(path);
        if (medium is not null && !File.Exists(path)) throw new FailureException($"{path}: there is no such file or folder; name a folder with {FileName}, or an ISO beside it");
        var folder = medium is null ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var list = Path.Combine(folder, FileName);
        if (!File.Exists(list)) throw new FailureException($"{list}: there is no such file; keep it beside the image, it is where 'virtualinux build' put that");
        try
        {
            var digests = Parse(list, File.ReadAllText(list));
            if (medium is not null && !digests.ContainsKey(medium)) throw new FailureException($"{list}: it has no digest of {medium}, only of {string.Join(", ", digests.Keys)}; take the list that was delivered with it");
            return [.. digests.Where(d => medium is null || d.Key == medium || BelongsTo(d.Key, medium) && File.Exists(Path.Combine(folder, d.Key))).Select(d => Check(folder, d.Key, d.Value))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException(e.Message, e);
        }
    }

    /// <summary>SHA-256 of a file, in lower-case hexadecimal digits.</summary>
    public static string DigestOf(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static bool BelongsTo(string name, string medium) => name.StartsWith(Path.GetFileNameWithoutExtension(medium) + ".", StringComparison.Ordinal);

    private static CheckedFile Check(string folder, string name, string expected)
    {
        var file = Path.Combine(folder, name);
        return new CheckedFile(name, expected, File.Exists(file) ? DigestOf(file) : null);
    }
}

/// <summary>A file that was checked.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expected">The SHA-256 that it should have.</param>
/// <param name="Found">The SHA-256 that it has; null if it is missing.</param>
public sealed record CheckedFile(string Name, string Expected, string? Found)
{
    /// <summary>Whether it is as it was delivered.</summary>
    public bool Sound => Found == Expected;
}
