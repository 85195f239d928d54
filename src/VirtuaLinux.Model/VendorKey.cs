using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace VirtuaLinux.Model;

/// <summary>A public key with which a vendor's images are checked: ECDSA on P-256.</summary>
/// <param name="Fingerprint">SHA-256 of its SubjectPublicKeyInfo (RFC 5280, section 4.1), in lower-case hexadecimal; what <c>openssl pkey -pubin -outform DER | sha256sum</c> prints.</param>
/// <param name="PublicKeyInfo">That SubjectPublicKeyInfo, in DER.</param>
public sealed record VendorKey(string Fingerprint, ReadOnlyMemory<byte> PublicKeyInfo)
{
    /// <summary>Where initrd and root of an image keep the keys that it and its successors need, relative to the root; absent where the vendor signs nothing.</summary>
    public const string File = "usr/share/virtualinux/vendor-keys.pem";

    private const string Label = "PUBLIC KEY";

    /// <summary>The public half of a key.</summary>
    public static VendorKey Of(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var info = key.ExportSubjectPublicKeyInfo();
        return new VendorKey(Convert.ToHexStringLower(SHA256.HashData(info)), info);
    }

    /// <summary>Reads a text of keys in PEM (RFC 7468), as <c>openssl pkey -pubout</c> writes them, one after the other. Never throws.</summary>
    /// <param name="text">The text.</param>
    /// <param name="keys">The keys, at least one.</param>
    /// <param name="reason">Why not, otherwise.</param>
    public static bool TryReadAll(string text, [NotNullWhen(true)] out IReadOnlyList<VendorKey>? keys, out string reason)
    {
        ArgumentNullException.ThrowIfNull(text);
        var found = new List<VendorKey>();
        (keys, reason) = (null, "");
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var fields); rest = rest[fields.Location.End..])
        {
            var label = rest[fields.Label].ToString();
            if (label != Label)
            {
                reason = $"it holds a '{label}'; only public keys belong here ('openssl pkey -pubout' writes one)";
                return false;
            }
            try
            {
                using var key = ECDsa.Create();
                key.ImportFromPem(rest[fields.Location]);
                if (key.ExportParameters(false).Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value) throw new CryptographicException("another curve");
                found.Add(Of(key));
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                reason = "a key in it is not one of ECDSA on the curve P-256; make one with 'openssl ecparam -name prime256v1 -genkey -noout'";
                return false;
            }
        }
        if (found.Count == 0) reason = "it holds no public key in PEM ('-----BEGIN PUBLIC KEY-----')";
        else keys = found;
        return found.Count > 0;
    }

    /// <summary>The key in PEM, ended by a line feed.</summary>
    public string ToPem() => PemEncoding.WriteString(Label, PublicKeyInfo.Span) + "\n";

    /// <summary>Whether a signature over data is of this key. Never throws.</summary>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">ECDSA over SHA-256, in DER (RFC 3279, section 2.2.3).</param>
    public bool Verifies(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(PublicKeyInfo.Span, out _);
            return key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
