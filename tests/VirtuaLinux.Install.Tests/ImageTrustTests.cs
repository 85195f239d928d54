using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install.Tests;

/// <summary>What is written to a SAN is signed by who must have signed it.</summary>
public sealed class ImageTrustTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;
    private readonly ECDsa vendor = ECDsa.Create(ECCurve.NamedCurves.nistP256), stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        vendor.Dispose();
        stranger.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Where_no_key_is_trusted_whatever_comes_is_taken()
    {
        Assert.Empty(ImageTrust.OwnKeys(folder));
        Assert.Null(ImageTrust.Require(folder, ImageTrust.OwnKeys(folder)));
    }

    [Fact]
    public void The_vendors_image_is_taken_and_no_other()
    {
        Directory.CreateDirectory(Path.Combine(folder, Path.GetDirectoryName(VendorKey.File)!));
        File.WriteAllText(Path.Combine(folder, VendorKey.File), VendorKey.Of(vendor).ToPem());
        var trusted = ImageTrust.OwnKeys(folder);
        File.WriteAllText(Path.Combine(folder, "image.json"), "{}");

        Refused("is not signed");
        Sign();
        Refused("is not signed");
        Sign(stranger);
        Refused("is not signed with a key that is trusted here");
        Sign(stranger, vendor);
        Assert.StartsWith("signed with key", ImageTrust.Require(folder, trusted), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "image.json"), "{} ");
        Refused("not the one that its vendor signed");
        File.WriteAllText(Path.Combine(folder, "image.sig"), "nonsense");
        Refused("is not signed");

        void Refused(string reason) => Assert.Contains(reason, Assert.Throws<FailureException>(() => ImageTrust.Require(folder, trusted)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_that_cannot_be_read_are_an_error_and_not_no_keys()
    {
        Directory.CreateDirectory(Path.Combine(folder, Path.GetDirectoryName(VendorKey.File)!));
        File.WriteAllText(Path.Combine(folder, VendorKey.File), "");
        Assert.Throws<FailureException>(() => ImageTrust.OwnKeys(folder));
        Assert.Throws<FailureException>(() => ImageTrust.KeysOf(Path.Combine(folder, "nowhere")));
    }

    private void Sign(params ECDsa[] keys)
    {
        var description = File.ReadAllBytes(Path.Combine(folder, "image.json"));
        var signatures = keys.Aggregate(ImageSignatures.None, (s, key) => s.With(VendorKey.Of(key), key.SignData(description, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)));
        File.WriteAllBytes(Path.Combine(folder, "image.sig"), signatures.ToBytes());
    }
}
