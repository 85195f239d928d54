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

    /// <summary>Format of the packages, as package URLs name it.</summary>
    public string Format { get; init; } = "deb";

    /// <summary>Reads what was installed.</summary>
    /// <param name="format">Format of the packages.</param>
    /// <param name="root">The root.</param>
    /// <param name="boot">What the boot packages brought.</param>
    /// <param name="available">What the package archive said of these packages.</param>
    /// <param name="suite">The release's name.</param>
    /// <param name="components">Parts of the archive.</param>
    public static PackageInventory Read(IPackageFormat format, string root, string boot, string available, string suite, IReadOnlyList<string> components)
    {
        ArgumentNullException.ThrowIfNull(format);
        var licenses = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var packages = format.Read(root, boot, available, licenses)
            .OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Architecture, StringComparer.Ordinal).ThenBy(p => p.Version, StringComparer.Ordinal);
        return new PackageInventory { Format = format.Type, Packages = [.. packages], Vendor = VendorOf(root), Suite = suite, Components = components, LicenseTexts = licenses };
    }

    /// <summary>A SHA-256 in the form in which an inventory has it; null if it is none.</summary>
    internal static string? DigestOf(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigit) ? text.ToLowerInvariant() : null;

    /// <summary>A project's page as documents may name it; null if it is no address.</summary>
    internal static string? PageOf(string? text) => Uri.TryCreate(text, UriKind.Absolute, out var page) && page.Scheme is "http" or "https" or "ftp" ? page.AbsoluteUri : null;

    private static string VendorOf(string root)
    {
        var file = Path.Combine(root, RootPath.Resolve(root, "etc/os-release"));
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("ID=", StringComparison.Ordinal)) : null;
        return line?[3..].Trim().Trim('"') is { Length: > 0 } id ? id : "linux";
    }
}
