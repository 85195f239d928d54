namespace VirtuaLinux.Images.Inventory;

/// <summary>A format of packages, by what it says of those that were installed.</summary>
public interface IPackageFormat
{
    /// <summary>Its name in package URLs (github.com/package-url/purl-spec): <c>deb</c>.</summary>
    string Type { get; }

    /// <summary>Reads what was installed.</summary>
    /// <param name="root">The root.</param>
    /// <param name="boot">What the boot packages brought.</param>
    /// <param name="available">What the package archive said of these packages, as the package manager kept it.</param>
    /// <param name="licenses">Takes the texts of licences that SPDX has no identifier for, by the <c>LicenseRef-…</c> under which packages name them.</param>
    IEnumerable<InventoryPackage> Read(string root, string boot, string available, IDictionary<string, string> licenses);
}
