namespace VirtuaLinux.Images.Inventory;

/// <summary>A package of an image.</summary>
public sealed record InventoryPackage
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its version, as the distribution writes it.</summary>
    public required string Version { get; init; }

    /// <summary>Architecture that it was built for; null if neither dpkg nor the package archive says.</summary>
    public string? Architecture { get; init; }

    /// <summary>The source package that it was built from.</summary>
    public required string Source { get; init; }

    /// <summary>Version of <see cref="Source"/>.</summary>
    public required string SourceVersion { get; init; }

    /// <summary>SHA-256 of the package's file, 64 lower-case hexadecimal digits, from the archive's signed lists; null if the archive does not have it any more.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Bytes of the package's file; null where <see cref="Sha256"/> is.</summary>
    public long? Size { get; init; }

    /// <summary>SPDX licence expression of what its copyright file says; null if that is missing or not machine-readable.</summary>
    public string? License { get; init; }

    /// <summary>The project's page; null if the package names none.</summary>
    public string? Homepage { get; init; }

    /// <summary>Whether it is only unpacked beside the root (kernel, boot loaders, their tools).</summary>
    public bool Boot { get; init; }

    /// <summary>The package URL, <c>pkg:deb/debian/bash@5.2?arch=amd64&amp;distro=trixie</c> or <c>pkg:rpm/centos/bash@5.2-6.el10?arch=x86_64&amp;epoch=1&amp;distro=centos-10</c>.</summary>
    internal string Purl(PackageInventory inventory)
    {
        static string Escape(string text) => Uri.EscapeDataString(text).Replace("%3A", ":", StringComparison.Ordinal);
        var arch = Architecture is null ? "" : $"arch={Architecture}&";
        // Of an RPM the epoch is no part of the URL's version, and the release's number alone is no name.
        var rpm = inventory.Format == "rpm";
        var colon = rpm ? Version.IndexOf(':', StringComparison.Ordinal) : -1;
        var epoch = colon < 0 ? "" : $"epoch={Version[..colon]}&";
        return $"pkg:{inventory.Format}/{Escape(inventory.Vendor)}/{Escape(Name)}@{Escape(Version[(colon + 1)..])}?{arch}{epoch}distro={Escape(rpm ? $"{inventory.Vendor}-{inventory.Suite}" : inventory.Suite)}";
    }
}
