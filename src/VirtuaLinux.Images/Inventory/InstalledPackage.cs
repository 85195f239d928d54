namespace VirtuaLinux.Images.Inventory;

/// <summary>A package that was installed, or unpacked beside the root.</summary>
/// <param name="Key">Its name and version.</param>
/// <param name="Boot">Whether it is unpacked only.</param>
/// <param name="Fields">What dpkg knows of it; empty for those that are unpacked only.</param>
public sealed record InstalledPackage(PackageKey Key, bool Boot, IReadOnlyDictionary<string, string> Fields)
{
    private static readonly Dictionary<string, string> None = [];
    private static readonly string[] Kept = ["Package", "Source", "Version", "Architecture", "Homepage", "Filename", "Size", "SHA256"];

    /// <summary>All packages of a root and of the boot packages beside it.</summary>
    public static IEnumerable<InstalledPackage> Read(string root, string boot)
    {
        using (var status = File.OpenText(Path.Combine(root, "var/lib/dpkg/status")))
            foreach (var fields in ControlFile.Read(status))
                if (fields.GetValueOrDefault("Status") is not { } state || state.EndsWith(" installed", StringComparison.Ordinal)) yield return new(KeyOf(fields), false, fields);
        foreach (var line in File.ReadLines(Path.Combine(boot, "packages")))
            if (line.Split('\t') is [var name, var version]) yield return new(new(name, version), true, None);
    }

    /// <summary>Whether a paragraph of the archive with the same key tells of this package. dpkg is not asked for the architecture of what is unpacked only.</summary>
    internal bool Fits(IReadOnlyDictionary<string, string> archive) => Fields.GetValueOrDefault("Architecture") is not { } architecture || architecture == archive.GetValueOrDefault("Architecture");

    /// <summary>The key of a paragraph.</summary>
    public static PackageKey KeyOf(IReadOnlyDictionary<string, string> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new(fields.GetValueOrDefault("Package") ?? "", fields.GetValueOrDefault("Version") ?? "");
    }

    /// <summary>Of all paragraphs of a package archive, writes those of packages that were installed, sorted: digest and size among them.</summary>
    /// <param name="root">The root.</param>
    /// <param name="boot">The boot packages.</param>
    /// <param name="lists">Lists of the archive, as apt keeps or prints them.</param>
    /// <param name="target">The file to write.</param>
    public static Task SelectAsync(string root, string boot, IEnumerable<string> lists, string target)
    {
        ArgumentNullException.ThrowIfNull(lists);
        var wanted = Read(root, boot).ToLookup(p => p.Key);
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var list in lists)
        {
            using var reader = File.OpenText(list);
            foreach (var fields in ControlFile.Read(reader))
            {
                if (!fields.ContainsKey("SHA256") || !wanted[KeyOf(fields)].Any(p => p.Fits(fields))) continue;
                found.TryAdd($"{fields["Package"]} {fields.GetValueOrDefault("Architecture")} {fields["Version"]}", string.Concat(Kept.Where(fields.ContainsKey).Select(f => $"{f}: {fields[f]}\n")));
            }
        }
        return File.WriteAllTextAsync(target, string.Join('\n', found.Values));
    }
}

/// <summary>Name and version of a package.</summary>
public sealed record PackageKey(string Name, string Version);
