using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VirtuaLinux.Model;

/// <summary>The public half of a site's identity: its CA certificate, which every node carries, and what it says of others' certificates.</summary>
public sealed class SiteCertificate : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly X509Certificate2 authority;

    internal SiteCertificate(X509Certificate2 authority)
    {
        this.authority = authority;
        PublicKey = authority.GetECDsaPublicKey() ?? throw new CryptographicException("the site's certificate has no ECDSA key");
    }

    /// <summary>The key that signs manifests.</summary>
    public ECDsa PublicKey { get; }

    /// <summary>Reads the certificate from PEM text (RFC 7468).</summary>
    /// <exception cref="CryptographicException">Not a certificate with an ECDSA key.</exception>
    public static SiteCertificate FromPem(string pem) => new(X509Certificate2.CreateFromPem(pem));

    /// <summary>The certificate as PEM text (RFC 7468).</summary>
    public string ToPem() => authority.ExportCertificatePem() + "\n";

    /// <summary>SHA-256 of the certificate, in lower-case hexadecimal.</summary>
    public string Fingerprint => Convert.ToHexStringLower(authority.GetCertHash(HashAlgorithmName.SHA256));

    /// <summary>Whether the certificate is for a server and was issued by exactly this site. Neither the clock nor the machine's own trust store has a say.</summary>
    /// <remarks>
    /// The name is not compared: any node may stand in for any other at a floating address.
    /// The framework looks for the user's certificate store and fails when it finds neither $HOME nor an entry in /etc/passwd, here and in every TLS handshake: the initrd sets HOME.
    /// </remarks>
    public bool Accepts(X509Certificate2? certificate)
    {
        if (certificate is null) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy = Policy();
        return chain.Build(certificate) && chain.ChainElements[^1].Certificate.RawDataMemory.Span.SequenceEqual(authority.RawDataMemory.Span);
    }

    /// <summary><see cref="Accepts"/> for <see cref="SslClientAuthenticationOptions.RemoteCertificateValidationCallback"/> and <see cref="SslStream"/>.</summary>
    public RemoteCertificateValidationCallback Validation => (_, certificate, _, _) => Accepts(certificate as X509Certificate2);

    /// <summary>Options for a TLS client, such as <c>SocketsHttpHandler.SslOptions</c>, that trusts this site and nobody else.</summary>
    public SslClientAuthenticationOptions ClientOptions() => new() { RemoteCertificateValidationCallback = Validation, CertificateChainPolicy = Policy() };

    /// <inheritdoc/>
    public void Dispose()
    {
        PublicKey.Dispose();
        authority.Dispose();
    }

    private X509ChainPolicy Policy() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { authority },
        RevocationMode = X509RevocationMode.NoCheck,
        VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid,
        DisableCertificateDownloads = true,
        ApplicationPolicy = { new Oid(ServerAuthentication) },
    };
}
