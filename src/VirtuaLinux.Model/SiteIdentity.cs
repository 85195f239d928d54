using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VirtuaLinux.Model;

/// <summary>A site's own key (ECDSA P-256): it signs manifests and is the certificate authority of the site's servers.</summary>
/// <remarks>Certificates are valid from 1970 to 9999, since blades may have no idea of the time.</remarks>
public sealed class SiteIdentity : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private static readonly DateTimeOffset NotBefore = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset NotAfter = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private readonly X509Certificate2 authority;

    private SiteIdentity(ECDsa key, X509Certificate2 authority)
    {
        Key = key;
        this.authority = authority;
        Certificate = new SiteCertificate(X509CertificateLoader.LoadCertificate(authority.RawData));
    }

    /// <summary>The private key, for <see cref="SignedManifest.Sign"/>.</summary>
    public ECDsa Key { get; }

    /// <summary>The public half, for everybody.</summary>
    public SiteCertificate Certificate { get; }

    /// <summary>Makes the identity of a new site.</summary>
    /// <param name="siteName">Name of the site, for people who look at the certificate.</param>
    /// <param name="siteId">The site's identity; it keeps sites of one name apart.</param>
    public static SiteIdentity Create(string siteName, Guid siteId)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        subject.AddOrganizationName("VirtuaLinux");
        subject.AddOrganizationalUnitName(siteId.ToString());
        subject.AddCommonName($"{siteName} site CA");
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return new SiteIdentity(key, request.CreateSelfSigned(NotBefore, NotAfter));
    }

    /// <summary>Reads back what <see cref="SiteCertificate.ToPem"/> and <see cref="KeyToPem"/> wrote.</summary>
    /// <exception cref="CryptographicException">No such certificate or key, or they do not belong together.</exception>
    public static SiteIdentity FromPem(string certificatePem, string keyPem)
    {
        var authority = X509Certificate2.CreateFromPem(certificatePem, keyPem);
        return new SiteIdentity(authority.GetECDsaPrivateKey() ?? throw new CryptographicException("the site's key is not ECDSA"), authority);
    }

    /// <summary>The private key as PEM text (PKCS #8, RFC 5958). Whoever has it is the site.</summary>
    public string KeyToPem() => Key.ExportPkcs8PrivateKeyPem() + "\n";

    /// <summary>Issues a certificate with a new key for a node's TLS server.</summary>
    /// <param name="name">The node's host name.</param>
    /// <param name="names">Further DNS names.</param>
    /// <param name="addresses">Addresses that the server answers at.</param>
    public X509Certificate2 IssueServer(string name, IEnumerable<string> names, IEnumerable<Ipv4Address> addresses)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(addresses);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var dns in names.Prepend(name).Distinct(StringComparer.OrdinalIgnoreCase)) alternatives.AddDnsName(dns);
        foreach (var address in addresses.Distinct()) alternatives.AddIpAddress(address.ToIPAddress());
        request.CertificateExtensions.Add(alternatives.Build());
        using var issued = request.Create(authority, NotBefore, NotAfter, SerialNumber());
        return issued.CopyWithPrivateKey(key);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        authority.Dispose();
        Key.Dispose();
    }

    /// <summary>16 random bytes, positive and never zero (RFC 5280, section 4.1.2.2).</summary>
    private static byte[] SerialNumber()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7f | 0x40);
        return serial;
    }
}
