using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Inventory;

/// <summary>Debian's packages: dpkg's status, the archive's paragraphs (see <see cref="InstalledPackage.SelectAsync"/>), and the packages' copyright files.</summary>
public sealed class DebPackages : IPackageFormat
{
    /// <inheritdoc/>
    public string Type => "deb";

    /// <inheritdoc/>
    public IEnumerable<InventoryPackage> Read(string root, string boot, string available, IDictionary<string, string> licenses)
    {
        ArgumentNullException.ThrowIfNull(licenses);
        using var text = new StringReader(available);
        var known = ControlFile.Read(text).ToLookup(InstalledPackage.KeyOf);
        return [.. InstalledPackage.Read(root, boot).Select(installed => Describe(installed, known[installed.Key].FirstOrDefault(installed.Fits), root, boot, licenses))];
    }

    private static InventoryPackage Describe(InstalledPackage installed, IReadOnlyDictionary<string, string>? archive, string root, string boot, IDictionary<string, string> licenses)
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
            Sha256 = PackageInventory.DigestOf(archive?.GetValueOrDefault("SHA256")),
            Size = long.TryParse(archive?.GetValueOrDefault("Size"), out var size) ? size : null,
            License = license,
            Homepage = PackageInventory.PageOf(Field("Homepage")),
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
}
