using System.Text.Json;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

/// <summary>What is told of the packages of a made-up root, against <c>Expectations/Inventory</c>; UPDATE_EXPECTATIONS=1 rewrites it.</summary>
public sealed partial class PackageInventoryTests : IDisposable
{
    private readonly MadeUpRoot root = new();

    [Fact]
    public async Task Every_installed_package_is_listed_with_source_digest_and_licence() =>
        Expect("inventory.json", JsonSerializer.Serialize(await root.ReadAsync(), InventoryJson.Readable.PackageInventory) + "\n");

    [Fact]
    public async Task The_lock_is_one_sorted_line_per_package_and_reads_back_as_it_was_written()
    {
        var locked = PackageLock.Of("test", await root.ReadAsync()).ToText();

        Expect("test.lock", locked);
        Assert.Equal(locked, PackageLock.Parse("test.lock", locked).ToText());
        Assert.Empty(PackageLock.Parse("test.lock", locked).DifferencesTo(PackageLock.Of("test", await root.ReadAsync())));
    }

    [Fact]
    public async Task The_SPDX_document_is_as_expected_and_keeps_the_formats_rules()
    {
        var text = SpdxDocument.Of(await root.ContentsAsync()).ToText();

        Expect("test.spdx.json", text);
        using var document = JsonDocument.Parse(text);
        CheckSpdx(document.RootElement);
    }

    [Fact]
    public async Task The_CycloneDX_document_is_as_expected_and_keeps_the_formats_rules()
    {
        var text = CycloneDxDocument.Of(await root.ContentsAsync()).ToText();

        Expect("test.cdx.json", text);
        using var document = JsonDocument.Parse(text);
        CheckCycloneDx(document.RootElement);
    }

    [Fact]
    public async Task Another_medium_gives_documents_of_another_identity()
    {
        var contents = await root.ContentsAsync();
        var other = contents with { MediumSha256 = new string('9', 64) };

        Assert.NotEqual(SpdxDocument.Of(contents).DocumentNamespace, SpdxDocument.Of(other).DocumentNamespace);
        Assert.NotEqual(CycloneDxDocument.Of(contents).SerialNumber, CycloneDxDocument.Of(other).SerialNumber);
    }

    public void Dispose() => root.Dispose();

    /// <summary>Rules of spdx.github.io/spdx-spec/v2.3: mandatory fields, forms of identifiers, and that all that is referred to is there.</summary>
    private static void CheckSpdx(JsonElement document)
    {
        Assert.Equal("SPDX-2.3", Text(document, "spdxVersion"));
        Assert.Equal("CC0-1.0", Text(document, "dataLicense"));
        Assert.Equal("SPDXRef-DOCUMENT", Text(document, "SPDXID"));
        Assert.NotEmpty(Text(document, "name"));
        Assert.True(Uri.TryCreate(Text(document, "documentNamespace"), UriKind.Absolute, out var uri) && uri.Fragment.Length == 0);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", Text(document.GetProperty("creationInfo"), "created"));
        Assert.All(document.GetProperty("creationInfo").GetProperty("creators").EnumerateArray(), c => Assert.Matches("^(Tool|Organization|Person): .+", c.GetString()!));
        var packages = document.GetProperty("packages").EnumerateArray().ToList();
        var ids = packages.Select(p => Text(p, "SPDXID")).Prepend("SPDXRef-DOCUMENT").ToList();
        Assert.All(ids, id => Assert.Matches("^SPDXRef-[A-Za-z0-9.-]+$", id));
        Assert.Equal(ids.Count, ids.Distinct().Count());
        var extracted = document.GetProperty("hasExtractedLicensingInfos").EnumerateArray().ToList();
        Assert.All(extracted, l => Assert.NotEmpty(Text(l, "extractedText")));
        var texts = extracted.Select(l => Text(l, "licenseId")).ToList();
        Assert.All(texts, t => Assert.Matches("^LicenseRef-[A-Za-z0-9.-]+$", t));
        Assert.Equal(texts.Count, texts.Distinct().Count());
        foreach (var package in packages)
        {
            foreach (var field in (string[])["name", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"]) Assert.NotEmpty(Text(package, field));
            Assert.False(package.GetProperty("filesAnalyzed").GetBoolean());
            Assert.All(References(Text(package, "licenseDeclared")), r => Assert.Contains(r, texts));
            if (package.TryGetProperty("checksums", out var checksums)) Assert.All(checksums.EnumerateArray(), c => Assert.Matches("^[0-9a-f]{64}$", Text(c, "checksumValue")));
            if (package.TryGetProperty("externalRefs", out var references)) Assert.All(references.EnumerateArray(), r => Assert.Matches(PackageUrl(), Text(r, "referenceLocator")));
        }
        var relationships = document.GetProperty("relationships").EnumerateArray().ToList();
        Assert.All(relationships, r => Assert.Contains(Text(r, "spdxElementId"), ids));
        Assert.All(relationships, r => Assert.Contains(Text(r, "relatedSpdxElement"), ids));
        Assert.Equal(ids.Skip(1).Order(), relationships.Select(r => Text(r, "relatedSpdxElement")).Order());
        Assert.Single(relationships, r => Text(r, "relationshipType") == "DESCRIBES");
        // No text is carried along that no package refers to.
        Assert.Equal(texts.Order(), packages.SelectMany(p => References(Text(p, "licenseDeclared"))).Distinct().Order());
    }

    /// <summary>Rules of the JSON schema bom-1.6.</summary>
    private static void CheckCycloneDx(JsonElement document)
    {
        Assert.Equal("CycloneDX", Text(document, "bomFormat"));
        Assert.Equal("1.6", Text(document, "specVersion"));
        Assert.Matches("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", Text(document, "serialNumber"));
        Assert.Equal(1, document.GetProperty("version").GetInt32());
        var metadata = document.GetProperty("metadata");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", Text(metadata, "timestamp"));
        var components = document.GetProperty("components").EnumerateArray().Prepend(metadata.GetProperty("component")).ToList();
        var ids = components.Select(c => Text(c, "bom-ref")).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        foreach (var component in components)
        {
            Assert.Contains(Text(component, "type"), (string[])["application", "library", "operating-system"]);
            Assert.NotEmpty(Text(component, "name"));
            if (component.TryGetProperty("hashes", out var hashes)) Assert.All(hashes.EnumerateArray(), h => Assert.Equal(("SHA-256", true), (Text(h, "alg"), Digest().IsMatch(Text(h, "content")))));
            if (component.TryGetProperty("purl", out var purl)) Assert.Matches(PackageUrl(), purl.GetString()!);
            // One expression, or a list of single licences: never both.
            if (component.TryGetProperty("licenses", out var licenses)) Assert.NotEmpty(Text(Assert.Single(licenses.EnumerateArray()), "expression"));
        }
        foreach (var dependency in document.GetProperty("dependencies").EnumerateArray())
            Assert.All(dependency.GetProperty("dependsOn").EnumerateArray().Select(d => d.GetString()!).Append(Text(dependency, "ref")), d => Assert.Contains(d, ids));
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static IEnumerable<string> References(string expression) => Reference().Matches(expression).Select(m => m.Value);

    [GeneratedRegex("LicenseRef-[A-Za-z0-9.-]+")]
    private static partial Regex Reference();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Digest();

    [GeneratedRegex(@"^pkg:deb/[a-z]+/[a-z0-9%.\-A-F]+@[A-Za-z0-9%.:~\-]+\?(arch=[a-z0-9]+&)?distro=[a-z]+$")]
    private static partial Regex PackageUrl();

    private static void Expect(string name, string text)
    {
        var file = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "tests/VirtuaLinux.Images.Tests/Expectations/Inventory", name);
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(file, text);
        Assert.Equal(File.ReadAllText(file), text);
    }
}
