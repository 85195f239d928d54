using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Inventory;

/// <summary>A bill of materials as CycloneDX 1.6 writes it (ECMA-424): <c>IMAGE.cdx.json</c>.</summary>
public sealed record CycloneDxDocument
{
    /// <summary>Name of the format.</summary>
    public string BomFormat { get; init; } = "CycloneDX";

    /// <summary>Version of the format.</summary>
    public string SpecVersion { get; init; } = "1.6";

    /// <summary>The document's identifier in the world.</summary>
    public required string SerialNumber { get; init; }

    /// <summary>Number of the document under its serial number.</summary>
    public int Version { get; init; } = 1;

    /// <summary>What it tells of, when and by what it was made.</summary>
    public required CycloneDxMetadata Metadata { get; init; }

    /// <summary>The program and the packages.</summary>
    public required IReadOnlyList<CycloneDxComponent> Components { get; init; }

    /// <summary>What is in what.</summary>
    public required IReadOnlyList<CycloneDxDependency> Dependencies { get; init; }

    /// <summary>The document of an image.</summary>
    public static CycloneDxDocument Of(ImageContents contents)
    {
        ArgumentNullException.ThrowIfNull(contents);
        CycloneDxComponent[] components =
        [
            new() { Type = "application", BomRef = ImageContents.Program, Name = ImageContents.Program, Version = ImageContents.ProgramVersion, Hashes = [new("SHA-256", contents.ProgramSha256)], Licenses = [new("GPL-3.0-or-later")] },
            .. contents.Inventory.Packages.Select(p => Describe(contents.Inventory, p)).DistinctBy(c => c.BomRef),
        ];
        var image = contents.Image.ToString();
        return new()
        {
            SerialNumber = $"urn:uuid:{contents.Identifier("cyclonedx")}",
            Metadata = new(contents.Date, new([new() { Type = "application", Name = ImageContents.Program, Version = ImageContents.ProgramVersion }]),
                new() { Type = "operating-system", BomRef = image, Name = contents.Image.Name, Version = contents.Image.Version, Hashes = [new("SHA-256", contents.MediumSha256)] }),
            Components = components,
            Dependencies = [new(image, [.. components.Select(c => c.BomRef!)])],
        };
    }

    /// <summary>The file's text.</summary>
    public string ToText() => JsonSerializer.Serialize(this, InventoryJson.Readable.CycloneDxDocument) + "\n";

    private static CycloneDxComponent Describe(PackageInventory inventory, InventoryPackage package) => new()
    {
        Type = "library",
        BomRef = package.Purl(inventory),
        Name = package.Name,
        Version = package.Version,
        Hashes = package.Sha256 is { } digest ? [new("SHA-256", digest)] : null,
        Licenses = package.License is { } license ? [new(license)] : null,
        Purl = package.Purl(inventory),
        ExternalReferences = package.Homepage is { } page ? [new("website", page)] : null,
        Properties = [.. Properties(package)],
    };

    private static IEnumerable<CycloneDxProperty> Properties(InventoryPackage package)
    {
        yield return new("virtualinux:part", package.Boot ? "boot" : "root");
        yield return new("virtualinux:source", $"{package.Source} {package.SourceVersion}");
        if (package.Architecture is { } architecture) yield return new("virtualinux:architecture", architecture);
    }
}

/// <summary>What a CycloneDX document tells of.</summary>
public sealed record CycloneDxMetadata(string Timestamp, CycloneDxTools Tools, CycloneDxComponent Component);

/// <summary>What made a CycloneDX document.</summary>
public sealed record CycloneDxTools(IReadOnlyList<CycloneDxComponent> Components);

/// <summary>A component of a CycloneDX document.</summary>
public sealed record CycloneDxComponent
{
    /// <summary>What it is.</summary>
    public required string Type { get; init; }

    /// <summary>Identifier in the document.</summary>
    [JsonPropertyName("bom-ref")]
    public string? BomRef { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Version.</summary>
    public required string Version { get; init; }

    /// <summary>Digests of its file.</summary>
    public IReadOnlyList<CycloneDxHash>? Hashes { get; init; }

    /// <summary>Its licences: one expression.</summary>
    public IReadOnlyList<CycloneDxLicense>? Licenses { get; init; }

    /// <summary>Package URL.</summary>
    public string? Purl { get; init; }

    /// <summary>Pages about it.</summary>
    public IReadOnlyList<CycloneDxReference>? ExternalReferences { get; init; }

    /// <summary>What the format has no place for.</summary>
    public IReadOnlyList<CycloneDxProperty>? Properties { get; init; }
}

/// <summary>A digest in a CycloneDX document.</summary>
public sealed record CycloneDxHash(string Alg, string Content);

/// <summary>A licence expression in a CycloneDX document.</summary>
public sealed record CycloneDxLicense(string Expression);

/// <summary>A page about a component.</summary>
public sealed record CycloneDxReference(string Type, string Url);

/// <summary>A named text in a CycloneDX document.</summary>
public sealed record CycloneDxProperty(string Name, string Value);

/// <summary>What a component consists of.</summary>
public sealed record CycloneDxDependency(string Ref, IReadOnlyList<string> DependsOn);
