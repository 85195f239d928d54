using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;

namespace VirtuaLinux.Model.Tests;

public sealed class SignedManifestTests : IDisposable
{
    private readonly SiteIdentity site = SiteIdentity.Create("blade16", Guid.NewGuid());

    public void Dispose() => site.Dispose();

    [Fact]
    public void A_signed_manifest_is_read_back_as_it_was()
    {
        var file = SignedManifest.Sign(Samples.Manifest, site.Key);
        Assert.True(SignedManifest.TryRead(file, site.Certificate.PublicKey, out var manifest, out var reason), reason);
        Assert.Equal(Json(Samples.Manifest), Json(manifest));
    }

    [Fact]
    public void The_first_line_is_canonical_whatever_the_order_of_the_site_file()
    {
        var networks = new Dictionary<string, SiteNetwork> { ["storage"] = new() { Subnet = Ipv4Subnet.Parse("10.0.0.0/24") }, ["cluster"] = Samples.Manifest.ClusterNetwork };
        var one = FirstLine(SignedManifest.Sign(Samples.Manifest with { Networks = networks }, site.Key));
        var other = FirstLine(SignedManifest.Sign(Samples.Manifest with { Networks = networks.Reverse().ToDictionary() }, site.Key));
        Assert.Equal(one, other);
        Assert.StartsWith("""{"format":1,"siteId":"0b0c5a6e-9d0e-4d63-8f6e-0c5f3f4f0001","serial":7,"image":"debian-13@2026.11.23-1",""", one, StringComparison.Ordinal);
        Assert.All(one, c => Assert.InRange(c, ' ', '~'));
    }

    [Fact]
    public void Any_changed_byte_is_refused()
    {
        var file = SignedManifest.Sign(Samples.Manifest, site.Key);
        Gen.Select(Gen.Int[0, file.Length - 2], Gen.Int[1, 255]).Sample((at, change) =>
        {
            var changed = file.ToArray();
            changed[at] ^= (byte)change;
            return !SignedManifest.TryRead(changed, site.Certificate.PublicKey, out var manifest, out var reason) && manifest is null && reason.Length > 0;
        }, iter: 2000);
    }

    [Fact]
    public void A_shortened_file_is_refused()
    {
        var file = SignedManifest.Sign(Samples.Manifest, site.Key);
        // The line feed at the end is not needed to understand the file.
        for (var length = 0; length < file.Length - 1; length++)
            Assert.False(SignedManifest.TryRead(file.AsSpan(0, length), site.Certificate.PublicKey, out _, out _));
    }

    [Fact]
    public void Random_bytes_are_refused_without_an_exception() => Gen.Byte.Array.Sample(bytes => !SignedManifest.TryRead(bytes, site.Certificate.PublicKey, out _, out _));

    [Fact]
    public void Signed_rubbish_is_refused_without_an_exception() => Gen.String.Sample(text =>
    {
        var line = Encoding.UTF8.GetBytes(text.Replace('\n', ' '));
        return !SignedManifest.TryRead(Signed(line), site.Certificate.PublicKey, out _, out _);
    });

    [Fact]
    public void The_manifest_of_another_site_is_refused()
    {
        using var other = SiteIdentity.Create("blade16", Guid.NewGuid());
        Assert.False(SignedManifest.TryRead(SignedManifest.Sign(Samples.Manifest, other.Key), site.Certificate.PublicKey, out _, out var reason));
        Assert.Contains("another site", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"format\":1", "\"format\":2")]
    [InlineData("\"format\":1,", "\"format\":2,\"invention\":{},")]
    [InlineData("\"format\":1,", "\"format\":3,\"readableFrom\":2,")]
    [InlineData("\"format\":1,", "\"format\":0,")]
    [InlineData("\"format\":1,", "")]
    [InlineData("\"format\":1,", "\"format\":\"1\",")]
    public void A_format_that_is_not_known_is_refused_with_that_reason(string here, string there)
    {
        Assert.False(TryReadChanged(here, there, out var reason));
        Assert.Contains("up to format 1", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"serial\":7", "\"serial\":7,\"serial\":8")]
    [InlineData("\"serial\":7,", "")]
    [InlineData("\"name\":\"blade16\"", "\"name\":null")]
    [InlineData("\"interfaces\":{\"cluster\":", "\"interfaces\":{\"ib\":")]
    [InlineData("\"networks\":{\"cluster\":", "\"networks\":{\"ib\":")]
    public void A_signed_file_that_is_no_manifest_is_refused(string here, string there)
    {
        Assert.False(TryReadChanged(here, there, out var reason));
        Assert.StartsWith("not a manifest", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"format\":1,", "\"format\":2,\"readableFrom\":1,\"invention\":{},")]
    [InlineData("\"interfaces\":", "\"colour\":\"blue\",\"interfaces\":")]
    public void What_a_newer_program_added_and_an_older_one_may_ignore_is_ignored(string here, string there) => Assert.True(TryReadChanged(here, there, out _));

    [Fact]
    public async Task Openssl_agrees_with_the_signature()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            string PathOf(string name) => Path.Combine(folder.FullName, name);
            var lines = Encoding.ASCII.GetString(SignedManifest.Sign(Samples.Manifest, site.Key)).Split('\n');
            File.WriteAllText(PathOf("line"), lines[0]);
            File.WriteAllBytes(PathOf("signature"), Convert.FromBase64String(lines[1]));
            File.WriteAllText(PathOf("key"), site.Certificate.PublicKey.ExportSubjectPublicKeyInfoPem());
            using var openssl = System.Diagnostics.Process.Start("openssl", ["dgst", "-sha256", "-verify", PathOf("key"), "-signature", PathOf("signature"), PathOf("line")]);
            await openssl.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, openssl.ExitCode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private bool TryReadChanged(string here, string there, out string reason)
    {
        var line = FirstLine(SignedManifest.Sign(Samples.Manifest, site.Key));
        Assert.Contains(here, line, StringComparison.Ordinal);
        return SignedManifest.TryRead(Signed(Encoding.UTF8.GetBytes(line.Replace(here, there, StringComparison.Ordinal))), site.Certificate.PublicKey, out _, out reason);
    }

    private byte[] Signed(byte[] line) =>
        [.. line, (byte)'\n', .. Encoding.ASCII.GetBytes(Convert.ToBase64String(site.Key.SignData(line, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)))];

    private static string FirstLine(byte[] file) => Encoding.UTF8.GetString(file).Split('\n')[0];

    private static string Json(Manifest manifest) => JsonSerializer.Serialize(manifest, ModelJson.Default.Manifest);
}
