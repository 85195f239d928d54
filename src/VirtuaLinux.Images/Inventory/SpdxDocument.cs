using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Inventory;

/// <summary>A bill of materials as SPDX 2.3 writes it (spdx.github.io/spdx-spec/v2.3): <c>IMAGE.spdx.json</c>.</summary>
public sealed record SpdxDocument
{
    private const string None = "NOASSERTION";
    private const string DocumentId = "SPDXRef-DOCUMENT";
    private const string ImageId = "SPDXRef-Image";
    private const string ProgramId = "SPDXRef-Program";

    /// <summary>Version of the format.</summary>
    public string SpdxVersion { get; init; } = "SPDX-2.3";

    /// <summary>Licence of the document itself, as the format demands it.</summary>
    public string DataLicense { get; init; } = "CC0-1.0";

    /// <summary>The document's identifier in itself.</summary>
    [JsonPropertyName("SPDXID")]
    public string Id { get; init; } = DocumentId;

    /// <summary>Name of the document.</summary>
    public required string Name { get; init; }

    /// <summary>The document's identifier in the world.</summary>
    public required string DocumentNamespace { get; init; }

    /// <summary>When and by what it was made.</summary>
    public required SpdxCreation CreationInfo { get; init; }

    /// <summary>The image, the program and the packages.</summary>
    public required IReadOnlyList<SpdxPackage> Packages { get; init; }

    /// <summary>What is in what.</summary>
    public required IReadOnlyList<SpdxRelationship> Relationships { get; init; }

    /// <summary>Texts of licences that SPDX does not know.</summary>
    public required IReadOnlyList<SpdxLicense> HasExtractedLicensingInfos { get; init; }

    /// <summary>The document of an image.</summary>
    public static SpdxDocument Of(ImageContents contents)
    {
        ArgumentNullException.ThrowIfNull(contents);
        var inventory = contents.Inventory;
        SpdxPackage[] packages =
        [
            new() { Id = ImageId, Name = contents.Image.Name, VersionInfo = contents.Image.Version, PackageFileName = contents.Medium, PrimaryPackagePurpose = "OPERATING-SYSTEM", Checksums = [new("SHA256", contents.MediumSha256)] },
            new() { Id = ProgramId, Name = ImageContents.Program, VersionInfo = ImageContents.ProgramVersion, PrimaryPackagePurpose = "APPLICATION", LicenseDeclared = "GPL-3.0-or-later", Checksums = [new("SHA256", contents.ProgramSha256)] },
            .. inventory.Packages.Select((p, i) => Describe(inventory, p, i)),
        ];
        return new()
        {
            Name = contents.Image.ToString(),
            DocumentNamespace = $"https://virtualinux.org/spdx/{contents.Image.Name}-{contents.Identifier("spdx")}",
            CreationInfo = new(contents.Date, [$"Tool: {ImageContents.Program}-{ImageContents.ProgramVersion}"]),
            Packages = packages,
            Relationships = [new(DocumentId, "DESCRIBES", ImageId), .. packages.Skip(1).Select(p => new SpdxRelationship(ImageId, "CONTAINS", p.Id))],
            HasExtractedLicensingInfos = [.. inventory.LicenseTexts.Select(t => new SpdxLicense(t.Key, t.Value))],
        };
    }

    /// <summary>The file's text.</summary>
    public string ToText() => JsonSerializer.Serialize(this, InventoryJson.Readable.SpdxDocument) + "\n";

    private static SpdxPackage Describe(PackageInventory inventory, InventoryPackage package, int number) => new()
    {
        // Letters, digits, '.' and '-' are all that an identifier may have; the number keeps 'libstdc++6' and its like apart.
        Id = $"SPDXRef-Package-{number + 1}-{string.Concat(package.Name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c : '-'))}",
        Name = package.Name,
        VersionInfo = package.Version,
        Supplier = $"Organization: {inventory.Vendor}",
        SourceInfo = $"built from source package {package.Source} {package.SourceVersion}",
        Homepage = package.Homepage,
        LicenseDeclared = package.License ?? None,
        Checksums = package.Sha256 is { } digest ? [new("SHA256", digest)] : null,
        ExternalRefs = [new("PACKAGE-MANAGER", "purl", package.Purl(inventory))],
        Comment = package.Boot ? "unpacked beside the root: kernel, boot loaders and their tools" : null,
    };
}

/// <summary>When and by what an SPDX document was made.</summary>
public sealed record SpdxCreation(string Created, IReadOnlyList<string> Creators);

/// <summary>A package of an SPDX document.</summary>
public sealed record SpdxPackage
{
    /// <summary>Identifier in the document.</summary>
    [JsonPropertyName("SPDXID")]
    public required string Id { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Version.</summary>
    public required string VersionInfo { get; init; }

    /// <summary>Name of the file that was delivered.</summary>
    public string? PackageFileName { get; init; }

    /// <summary>Who distributes it.</summary>
    public string? Supplier { get; init; }

    /// <summary>Where it can be had; not said.</summary>
    public string DownloadLocation { get; init; } = "NOASSERTION";

    /// <summary>Whether its files are listed too.</summary>
    public bool FilesAnalyzed { get; init; }

    /// <summary>What it is for.</summary>
    public string? PrimaryPackagePurpose { get; init; }

    /// <summary>Its project's page.</summary>
    public string? Homepage { get; init; }

    /// <summary>Where it comes from.</summary>
    public string? SourceInfo { get; init; }

    /// <summary>What a lawyer found; nobody looked.</summary>
    public string LicenseConcluded { get; init; } = "NOASSERTION";

    /// <summary>What its makers say.</summary>
    public string LicenseDeclared { get; init; } = "NOASSERTION";

    /// <summary>Who holds the rights; not said.</summary>
    public string CopyrightText { get; init; } = "NOASSERTION";

    /// <summary>Digests of its file.</summary>
    public IReadOnlyList<SpdxChecksum>? Checksums { get; init; }

    /// <summary>Its names elsewhere.</summary>
    public IReadOnlyList<SpdxReference>? ExternalRefs { get; init; }

    /// <summary>What else is to say.</summary>
    public string? Comment { get; init; }
}

/// <summary>A digest in an SPDX document.</summary>
public sealed record SpdxChecksum(string Algorithm, string ChecksumValue);

/// <summary>A name of a package in another system.</summary>
public sealed record SpdxReference(string ReferenceCategory, string ReferenceType, string ReferenceLocator);

/// <summary>How two elements of an SPDX document belong together.</summary>
public sealed record SpdxRelationship(string SpdxElementId, string RelationshipType, string RelatedSpdxElement);

/// <summary>Text of a licence that SPDX does not know.</summary>
public sealed record SpdxLicense(string LicenseId, string ExtractedText);
