using System.Security.Cryptography;
using CsCheck;

namespace VirtuaLinux.Model.Tests;

/// <summary>Who vouches for an image, as a text of fixed length.</summary>
public sealed class ImageSignaturesTests : IDisposable
{
    private static readonly byte[] Description = "{\"image\":\"test@1\"}"u8.ToArray();

    private readonly ECDsa vendor = ECDsa.Create(ECCurve.NamedCurves.nistP256), stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        vendor.Dispose();
        stranger.Dispose();
    }

    [Fact]
    public void The_text_has_one_length_however_many_signed_and_says_the_same_when_it_is_read()
    {
        var signatures = ImageSignatures.None;
        Assert.Equal(ImageSignatures.Length, signatures.ToBytes().Length);
        foreach (var key in (ECDsa[])[vendor, stranger, vendor]) signatures = signatures.With(VendorKey.Of(key), Sign(key, Description));
        Assert.Equal(ImageSignatures.Length, signatures.ToBytes().Length);
        Assert.True(ImageSignatures.TryRead(signatures.ToBytes(), out var read));
        Assert.Equal(2, read.Lines.Count);
        Assert.Equal(VendorKey.Of(stranger).Fingerprint, read.SignerOf(Description, [VendorKey.Of(stranger)])?.Fingerprint);
    }

    [Fact]
    public void Only_a_trusted_key_counts_and_only_for_the_bytes_that_it_signed()
    {
        var signed = ImageSignatures.None.With(VendorKey.Of(vendor), Sign(vendor, Description));
        Assert.NotNull(signed.SignerOf(Description, [VendorKey.Of(stranger), VendorKey.Of(vendor)]));
        Assert.Null(signed.SignerOf(Description, [VendorKey.Of(stranger)]));
        Assert.Null(signed.SignerOf(Description, []));
        Assert.Null(signed.SignerOf([.. Description, (byte)'\n'], [VendorKey.Of(vendor)]));
        // Somebody else's signature under the vendor's name.
        Assert.Null(ImageSignatures.None.With(VendorKey.Of(vendor), Sign(stranger, Description)).SignerOf(Description, [VendorKey.Of(vendor)]));
    }

    [Fact]
    public void More_signatures_than_fit_are_not_written()
    {
        var signatures = Enumerable.Range(0, 40).Aggregate(ImageSignatures.None, (s, n) => s.With(new VendorKey(n.ToString("x64", null), default), new byte[72]));
        Assert.Throws<InvalidOperationException>(() => signatures.ToBytes());
    }

    [Fact]
    public void Whatever_is_read_nothing_is_thrown()
    {
        var signed = ImageSignatures.None.With(VendorKey.Of(vendor), Sign(vendor, Description)).ToBytes();
        var key = VendorKey.Of(vendor);
        Gen.Select(Gen.Int[0, 300], Gen.Byte).Sample((at, value) =>
        {
            var changed = (byte[])signed.Clone();
            changed[at] = value;
            // Base64 may say the same in other characters; what it says is what counts.
            if (ImageSignatures.TryRead(changed, out var read)) read.SignerOf(Description, [key]);
        });
        Gen.Byte.Array[0, 5000].Sample(bytes => { if (ImageSignatures.TryRead(bytes, out var read)) read.SignerOf(Description, [key]); });
        Gen.String.Sample(text => { VendorKey.TryReadAll(text, out _, out _); });
    }

    [Fact]
    public void Keys_are_read_one_after_the_other_and_openssl_knows_their_fingerprint()
    {
        var text = $"# the vendor's\n{VendorKey.Of(vendor).ToPem()}\n# and next year's\n{VendorKey.Of(stranger).ToPem()}";
        Assert.True(VendorKey.TryReadAll(text, out var keys, out _));
        Assert.Equal([VendorKey.Of(vendor).Fingerprint, VendorKey.Of(stranger).Fingerprint], keys.Select(k => k.Fingerprint));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(vendor.ExportSubjectPublicKeyInfo())), keys[0].Fingerprint);
    }

    [Fact]
    public void What_is_no_key_of_the_kind_is_refused_and_a_private_key_is_named()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var rsa = RSA.Create(2048);
        foreach (var (text, reason) in (Dictionary<string, string>)new()
        {
            [""] = "no public key",
            ["ssh-ed25519 AAAA"] = "no public key",
            [vendor.ExportECPrivateKeyPem()] = "'EC PRIVATE KEY'",
            [PemEncoding.WriteString("PUBLIC KEY", other.ExportSubjectPublicKeyInfo())] = "P-256",
            [rsa.ExportSubjectPublicKeyInfoPem()] = "P-256",
            [PemEncoding.WriteString("PUBLIC KEY", [1, 2, 3])] = "P-256",
        })
        {
            Assert.False(VendorKey.TryReadAll(text, out _, out var said));
            Assert.Contains(reason, said, StringComparison.Ordinal);
        }
    }

    private static byte[] Sign(ECDsa key, byte[] data) => key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
}
