using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace VirtuaLinux.Model.Tests;

/// <summary>What releases leave to each other. The files under <c>Documents</c> are as a release wrote them and are never changed: a new format gets a file beside them.</summary>
public sealed class DocumentTests
{
    private static Manifest Full { get; } = Samples.Manifest with
    {
        Images = [new ManifestImage { Image = ImageVersion.Parse("debian-13@2026.11.20-1"), RootDigest = new string('b', 64), Pinned = true }, new ManifestImage { Image = ImageVersion.Parse("debian-13@2026.11.24-1"), RootDigest = new string('c', 64) }],
        SharedAddress = Ipv4Address.Parse("192.168.77.10"),
        KernelArguments = "quiet",
        Refused = [MacAddress.Parse("52:54:00:77:00:99")],
        Nodes = [Samples.Manifest.Nodes[0] with { Image = ImageVersion.Parse("debian-13@2026.11.24-1"), Former = Samples.Manifest.Image, Restarts = true }, .. Samples.Manifest.Nodes.Skip(1)],
    };

    [Fact]
    public void The_manifest_of_format_1_is_read_for_ever()
    {
        var file = File.ReadAllBytes(Document("manifest-1"));
        Assert.True(SignedManifest.TryRead(file, Key(), out var manifest, out var reason), reason);
        Assert.True(SignedManifest.SaySame(Full, manifest));
        Assert.Equal((1, "node01", true, "debian-13@2026.11.23-1", true), (manifest.Format, manifest.Nodes[0].Name, manifest.Nodes[0].Restarts, manifest.Nodes[0].Former.ToString(), manifest.Images[0].Pinned));
        Assert.Equal(("192.168.77.10", "iqn.2026-11.org.virtualinux:san", "52:54:00:77:00:99"), (manifest.SharedAddress.ToString(), manifest.San!.Target, manifest.Refused[0].ToString()));
    }

    [Fact]
    public void The_manifest_is_written_as_its_format_says()
    {
        using var identity = SiteIdentity.Create("blade16", Full.SiteId);
        Assert.Equal(1, SignedManifest.KnownFormat);
        Assert.Equal(FirstLine(File.ReadAllBytes(Document("manifest-1"))), FirstLine(SignedManifest.Sign(Full, identity.Key)));
    }

    [Theory]
    [InlineData("""{}""", true, true)]
    [InlineData("""{"format":1,"later":{}}""", true, true)]
    [InlineData("""{"format":3}""", true, true)]
    [InlineData("""{"format":4,"readableFrom":3}""", true, false)]
    [InlineData("""{"format":4,"readableFrom":4}""", false, false)]
    [InlineData("""{"format":4}""", false, false)]
    [InlineData("""{"format":"3"}""", false, true)]
    [InlineData("""{"format":0}""", false, true)]
    [InlineData("""[]""", false, true)]
    public void A_newer_format_is_read_only_when_it_says_so_and_is_never_replaced(string json, bool isRead, bool isReplaced)
    {
        using var document = JsonDocument.Parse(json);
        Assert.Equal(isRead, DocumentFormat.Refusal("the paper", document.RootElement, 3) is null);
        Assert.Equal(isReplaced, DocumentFormat.ReplacementRefusal("the paper", document.RootElement, 3) is null);
        if (!isReplaced) Assert.Equal("a newer release wrote the paper: it has format 4, and this release knows them up to format 3. Nothing was changed; use a node or a medium of that release", DocumentFormat.ReplacementRefusal("the paper", document.RootElement, 3));
    }

    [Theory]
    [InlineData("VLSLOT02", 2)]
    [InlineData("VLSLOT10", 10)]
    [InlineData("VLSLOT01", null)]
    [InlineData("VLSLOT00", null)]
    [InlineData("VLSLOTS2", null)]
    [InlineData("VLSLOT-2", null)]
    [InlineData("VLSLO002", null)]
    [InlineData("VLSLOT2", null)]
    public void A_higher_number_at_the_end_of_a_magic_is_a_newer_release(string found, int? newer) =>
        Assert.Equal(newer, DocumentFormat.NewerThan("VLSLOT01"u8, Encoding.ASCII.GetBytes(found)));

    private static string Document(string name) => Repository.PathOf("tests", "VirtuaLinux.Model.Tests", "Documents", name);

    private static ECDsa Key()
    {
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Document("manifest-1.pem")));
        return key;
    }

    private static string FirstLine(byte[] file) => Encoding.UTF8.GetString(file).Split('\n')[0];
}
