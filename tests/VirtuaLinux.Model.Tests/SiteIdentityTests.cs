using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VirtuaLinux.Model.Tests;

public sealed class SiteIdentityTests : IDisposable
{
    private readonly SiteIdentity site = SiteIdentity.Create("blade16", Guid.NewGuid());

    public void Dispose() => site.Dispose();

    [Fact]
    public void A_certificate_that_the_site_issued_is_accepted_and_says_where_its_server_is()
    {
        using var server = Issue(site);
        Assert.True(site.Certificate.Accepts(server));
        Assert.True(server.MatchesHostname("node01"));
        Assert.True(server.MatchesHostname("node01.blade16.internal"));
        Assert.True(server.MatchesHostname("192.168.77.11"));
        Assert.False(server.MatchesHostname("192.168.77.12"));
        Assert.True(server.HasPrivateKey);
    }

    [Fact]
    public void Validity_spans_every_clock_from_1970_to_9999()
    {
        using var server = Issue(site);
        Assert.Equal(DateTime.UnixEpoch, server.NotBefore.ToUniversalTime());
        Assert.Equal(9999, server.NotAfter.ToUniversalTime().Year);
    }

    [Fact]
    public void A_certificate_out_of_its_time_is_accepted_all_the_same()
    {
        using var authority = Authority(site);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node01", key, HashAlgorithmName.SHA256);
        using var old = request.Create(authority, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1), [1]);
        Assert.True(site.Certificate.Accepts(old));
    }

    [Fact]
    public void Certificates_of_anybody_else_are_refused()
    {
        using var other = SiteIdentity.Create("blade16", Guid.NewGuid());
        using var foreign = Issue(other);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=node01", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        Assert.False(site.Certificate.Accepts(foreign));
        Assert.False(site.Certificate.Accepts(own));
        Assert.False(site.Certificate.Accepts(null));
    }

    [Fact]
    public void A_server_cannot_issue_certificates_itself()
    {
        using var server = Issue(site);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuerKey = server.GetECDsaPrivateKey()!;
        var request = new CertificateRequest("CN=evil", key, HashAlgorithmName.SHA256);
        using var evil = request.Create(server.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(500), [1]);
        Assert.False(site.Certificate.Accepts(evil));
    }

    [Fact]
    public void A_certificate_with_the_site_s_name_but_another_key_is_refused()
    {
        using var authority = Authority(site);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node01", key, HashAlgorithmName.SHA256);
        using var forged = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(key), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(500), [1]);
        Assert.False(site.Certificate.Accepts(forged));
    }

    [Fact]
    public void Keys_survive_a_journey_through_pem()
    {
        using var copy = SiteIdentity.FromPem(site.Certificate.ToPem(), site.KeyToPem());
        using var certificate = SiteCertificate.FromPem(site.Certificate.ToPem());
        using var server = Issue(copy);
        Assert.True(site.Certificate.Accepts(server));
        Assert.True(certificate.Accepts(server));
        Assert.Equal(site.Certificate.Fingerprint, certificate.Fingerprint);
        Assert.Equal(site.KeyToPem(), copy.KeyToPem());
    }

    [Fact]
    public void Pem_texts_that_do_not_belong_together_are_refused()
    {
        using var other = SiteIdentity.Create("blade16", Guid.NewGuid());
        Assert.Throws<ArgumentException>(() => SiteIdentity.FromPem(site.Certificate.ToPem(), other.KeyToPem()));
        Assert.Throws<CryptographicException>(() => SiteCertificate.FromPem("nothing"));
    }

    [Fact]
    public async Task A_tls_client_of_the_site_talks_to_its_servers_under_any_name_and_to_nobody_else()
    {
        using var other = SiteIdentity.Create("blade16", Guid.NewGuid());
        using var own = Issue(site);
        using var foreign = Issue(other);
        Assert.True(await HandshakeAsync(own, site.Certificate));
        Assert.False(await HandshakeAsync(foreign, site.Certificate));
        Assert.True(await HandshakeAsync(foreign, other.Certificate));
    }

    private static async Task<bool> HandshakeAsync(X509Certificate2 server, SiteCertificate trust)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        var accepted = listener.AcceptTcpClientAsync(deadline.Token);
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, deadline.Token);
        using var connection = await accepted;
        await using var serverSide = new SslStream(connection.GetStream());
        await using var clientSide = new SslStream(client.GetStream());
        var options = trust.ClientOptions();
        options.TargetHost = "192.0.2.1";
        var serving = serverSide.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = server }, deadline.Token);
        try
        {
            await clientSide.AuthenticateAsClientAsync(options, deadline.Token);
            await serving;
            return true;
        }
        catch (AuthenticationException)
        {
            client.Close();
            await serving.ContinueWith(_ => { }, TaskScheduler.Default);
            return false;
        }
    }

    private static X509Certificate2 Issue(SiteIdentity from) => from.IssueServer("node01", ["node01.blade16.internal"], [Ipv4Address.Parse("192.168.77.11"), Ipv4Address.Parse("127.0.0.1")]);

    private static X509Certificate2 Authority(SiteIdentity of) => X509Certificate2.CreateFromPem(of.Certificate.ToPem(), of.KeyToPem());
}
