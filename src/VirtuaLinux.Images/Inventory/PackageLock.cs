using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Inventory;

/// <summary>The packages that an image is made of, by name, version, architecture and digest: <c>IMAGE.lock</c>. One line each and sorted, so that a review shows what an update brings.</summary>
public sealed record PackageLock
{
    private const string Format = "1";
    private const string Unknown = "-";

    /// <summary>Name of the image.</summary>
    public required string Image { get; init; }

    /// <summary>The release's name in the package archive.</summary>
    public required string Suite { get; init; }

    /// <summary>Parts of the package archive.</summary>
    public required IReadOnlyList<string> Components { get; init; }

    /// <summary>The packages, sorted.</summary>
    public required IReadOnlyList<LockedPackage> Packages { get; init; }

    /// <summary>The lock of what was installed.</summary>
    public static PackageLock Of(string image, PackageInventory inventory)
    {
        ArgumentNullException.ThrowIfNull(inventory);
        return new()
        {
            Image = image,
            Suite = inventory.Suite,
            Components = inventory.Components,
            Packages = [.. inventory.Packages.Select(p => new LockedPackage(p.Boot, p.Name, p.Version, p.Architecture, p.Sha256)).Distinct()],
        };
    }

    /// <summary>The file's text; the same packages give the same bytes.</summary>
    public string ToText()
    {
        var text = new StringBuilder()
            .Append("# The packages of ").Append(Image).Append(". Written by 'virtualinux build ").Append(Image).Append(" --update-lock'.\n")
            .Append("version " + Format + "\n")
            .Append("image ").Append(Image).Append('\n')
            .Append("suite ").Append(Suite).Append('\n')
            .Append("components ").AppendJoin(' ', Components).Append('\n');
        foreach (var package in Packages.OrderBy(p => p.SortKey, StringComparer.Ordinal))
            text.Append(package.Boot ? "boot " : "root ").AppendJoin(' ', package.Name, package.Version, package.Architecture ?? Unknown, package.Sha256 is null ? Unknown : $"sha256:{package.Sha256}").Append('\n');
        return text.ToString();
    }

    /// <summary>Reads a lock.</summary>
    /// <exception cref="InvalidInputException">It is none, or somebody broke it; each fault is named as <c>file:line</c>.</exception>
    public static PackageLock Parse(string fileName, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var errors = new List<Diagnostic>();
        var packages = new List<LockedPackage>();
        var values = new Dictionary<string, string>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            var words = line.Split(' ');
            switch (words)
            {
                case ["root" or "boot", var name, var version, var architecture, var digest] when DigestOf(digest, out var sha256):
                    packages.Add(new LockedPackage(words[0] == "boot", name, version, architecture == Unknown ? null : architecture, sha256));
                    break;
                case ["version" or "image" or "suite" or "components", _, ..]:
                    values[words[0]] = string.Join(' ', words[1..]);
                    break;
                default:
                    errors.Add(new(fileName, number, $"'{line}' is no line of a lock", "take the file as 'virtualinux build IMAGE --update-lock' writes it"));
                    break;
            }
        }
        foreach (var key in (string[])["version", "image", "suite", "components"])
            if (!values.ContainsKey(key)) errors.Add(new(fileName, 1, $"the line '{key} …' is missing", "take the file as 'virtualinux build IMAGE --update-lock' writes it"));
        if (values.GetValueOrDefault("version") is { } format && format != Format) errors.Add(new(fileName, 1, $"version {format} of this file is not known", "write it anew with 'virtualinux build IMAGE --update-lock'"));
        if (errors.Count > 0) throw new InvalidInputException(errors);
        return new() { Image = values["image"], Suite = values["suite"], Components = values["components"].Split(' '), Packages = packages };
    }

    /// <summary>What is otherwise in <paramref name="installed"/> than this lock says; one sentence each.</summary>
    public IEnumerable<string> DifferencesTo(PackageLock installed)
    {
        ArgumentNullException.ThrowIfNull(installed);
        if (Suite != installed.Suite) yield return $"suite: locked is {Suite}, the distribution names {installed.Suite}";
        if (!Components.SequenceEqual(installed.Components)) yield return $"components: locked are {string.Join(' ', Components)}, the distribution names {string.Join(' ', installed.Components)}";
        var (mine, theirs) = (Packages.ToLookup(p => p.Label), installed.Packages.ToLookup(p => p.Label));
        foreach (var label in mine.Concat(theirs).Select(g => g.Key).Distinct().Order(StringComparer.Ordinal))
        {
            if (!theirs[label].Any()) yield return $"{label}: locked is {Versions(mine[label])}, none is installed";
            else if (!mine[label].Any()) yield return $"{label}: {Versions(theirs[label])} is installed, none is locked";
            else if (Versions(mine[label]) != Versions(theirs[label])) yield return $"{label}: locked is {Versions(mine[label])}, installed is {Versions(theirs[label])}";
            else if (Digests(mine[label]) != Digests(theirs[label])) yield return $"{label} {Versions(mine[label])}: locked is digest {Digests(mine[label])}, installed is {Digests(theirs[label])}";
        }
    }

    private static string Versions(IEnumerable<LockedPackage> packages) => string.Join(", ", packages.Select(p => p.Version).Order(StringComparer.Ordinal));

    private static string Digests(IEnumerable<LockedPackage> packages) => string.Join(", ", packages.Select(p => p.Sha256 ?? "unknown").Order(StringComparer.Ordinal));

    private static bool DigestOf(string word, out string? sha256)
    {
        sha256 = word.StartsWith("sha256:", StringComparison.Ordinal) ? word[7..] : null;
        return word == Unknown || sha256 is { Length: 64 } && sha256.All(char.IsAsciiHexDigitLower);
    }
}

/// <summary>A package in a lock.</summary>
/// <param name="Boot">Whether it is unpacked beside the root only.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Architecture">Its architecture; null if it is not known.</param>
/// <param name="Sha256">SHA-256 of its file, in lower-case hexadecimal digits; null if it is not known.</param>
public sealed record LockedPackage(bool Boot, string Name, string Version, string? Architecture, string? Sha256)
{
    internal string Label => $"{(Boot ? "boot " : "")}{Name}{(Architecture is null ? "" : $":{Architecture}")}";

    internal string SortKey => $"{(Boot ? 0 : 1)} {Name} {Architecture} {Version}";
}
