using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Inventory;

/// <summary>Every package that went into an image.</summary>
public sealed record PackageInventory
{
    /// <summary>Who makes the distribution, as its os-release names itself: <c>debian</c>.</summary>
    public required string Vendor { get; init; }

    /// <summary>The release's name in the package archive.</summary>
    public required string Suite { get; init; }

    /// <summary>Parts of the package archive.</summary>
    public required IReadOnlyList<string> Components { get; init; }

    /// <summary>The packages, sorted by name, architecture and version.</summary>
    public required IReadOnlyList<InventoryPackage> Packages { get; init; }

    /// <summary>Texts of the licences that SPDX has no identifier for, by the <c>LicenseRef-…</c> under which packages name them.</summary>
    public required IReadOnlyDictionary<string, string> LicenseTexts { get; init; }

    /// <summary>Reads what was installed.</summary>
    /// <param name="root">The root, with dpkg's status in it.</param>
    /// <param name="boot">What the boot packages brought, with their list in <c>packages</c>.</param>
    /// <param name="available">The archive's paragraphs of these packages, see <see cref="InstalledPackage.SelectAsync"/>.</param>
    /// <param name="suite">The release's name.</param>
    /// <param name="components">Parts of the archive.</param>
    public static PackageInventory Read(string root, string boot, string available, string suite, IReadOnlyList<string> components)
    {
        ArgumentNullException.ThrowIfNull(suite);
        using var text = new StringReader(available);
        var known = ControlFile.Read(text).ToLookup(InstalledPackage.KeyOf);
        var licenses = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var packages = InstalledPackage.Read(root, boot)
            .Select(installed => Describe(installed, known[installed.Key].FirstOrDefault(installed.Fits), root, boot, licenses))
            .OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Architecture, StringComparer.Ordinal).ThenBy(p => p.Version, StringComparer.Ordinal);
        return new PackageInventory { Packages = [.. packages], Vendor = VendorOf(root), Suite = suite, Components = components, LicenseTexts = licenses };
    }

    private static InventoryPackage Describe(InstalledPackage installed, IReadOnlyDictionary<string, string>? archive, string root, string boot, SortedDictionary<string, string> licenses)
    {
        string? Field(string name) => installed.Fields.GetValueOrDefault(name) ?? archive?.GetValueOrDefault(name);
        var (source, sourceVersion) = SourceOf(Field("Source"), installed.Key);
        var (license, texts) = CopyrightOf(installed, root, boot) is { } copyright ? CopyrightFile.Read(copyright) : (null, new Dictionary<string, string>());
        foreach (var (reference, text) in texts) licenses[reference] = text;
        return new InventoryPackage
        {
            Name = installed.Key.Name,
            Version = installed.Key.Version,
            Architecture = Field("Architecture"),
            Source = source,
            SourceVersion = sourceVersion,
            Sha256 = archive?.GetValueOrDefault("SHA256") is { Length: 64 } digest && digest.All(char.IsAsciiHexDigit) ? digest.ToLowerInvariant() : null,
            Size = long.TryParse(archive?.GetValueOrDefault("Size"), out var size) ? size : null,
            License = license,
            Homepage = Uri.TryCreate(Field("Homepage"), UriKind.Absolute, out var page) && page.Scheme is "http" or "https" or "ftp" ? page.AbsoluteUri : null,
            Boot = installed.Boot,
        };
    }

    /// <summary>A binary that was rebuilt, or comes from a source of another name, says so: <c>Source: gcc-14 (14.2.0-19)</c>.</summary>
    private static (string Name, string Version) SourceOf(string? field, PackageKey key)
    {
        if (field is null) return (key.Name, key.Version);
        var parts = field.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (parts[0], parts.Length > 1 ? parts[1].Trim('(', ')') : key.Version);
    }

    private static string? CopyrightOf(InstalledPackage installed, string root, string boot)
    {
        // A package's folder may be a link to that of another one, which the root has and the boot packages do not.
        foreach (var folder in installed.Boot ? (string[])[boot, root] : [root])
        {
            var file = Path.Combine(folder, RootPath.Resolve(folder, $"usr/share/doc/{installed.Key.Name}/copyright"));
            if (File.Exists(file)) return File.ReadAllText(file);
        }
        return null;
    }

    private static string VendorOf(string root)
    {
        var file = Path.Combine(root, RootPath.Resolve(root, "etc/os-release"));
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("ID=", StringComparison.Ordinal)) : null;
        return line?[3..].Trim().Trim('"') is { Length: > 0 } id ? id : "linux";
    }
}
