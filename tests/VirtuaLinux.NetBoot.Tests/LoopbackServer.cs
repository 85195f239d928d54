using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>TFTP and HTTP of the tests' site on a loopback address of its own.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    // Clients come from 127.0.0.1: TFTP answers nobody outside the site.
    public const string Subnet = "127.0.0.0/16";
    public const int TftpPort = 6969;
    public const int HttpPort = 8077;
    public const int HttpsPort = 8477;
    private static int next = 100;
    private readonly BootServer server;
    private readonly ManifestSource source = new(TestSite.Manifest(Subnet));

    private LoopbackServer(string export, X509Certificate2? certificate, DiscoveryPool? discovery, BootDocument[] documents, BootUpload[] uploads, bool portForEach)
    {
        Address = TestSite.Host(Subnet, Interlocked.Increment(ref next));
        server = new BootServer(new BootServerOptions
        {
            Manifest = source,
            Endpoints = [new BootEndpoint("lo", Address)],
            ExportDirectory = export,
            HttpPort = HttpPort,
            HttpsPort = HttpsPort,
            TftpPort = TftpPort,
            Certificate = certificate,
            ServesDhcp = false,
            Discovery = discovery,
            Documents = documents,
            Uploads = uploads,
            TftpPortForEach = portForEach,
            Log = Log.Enqueue,
        });
    }

    public Ipv4Address Address { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Serves another manifest from now on.</summary>
    public void Change(Manifest manifest) => source.Current = manifest;

    public ServedBytes Served => server.Served;

    public BootMetrics Metrics => server.Metrics;

    public int TftpInFlight => server.TftpInFlight;

    public string Url(string path) => string.Create(CultureInfo.InvariantCulture, $"http://{Address}:{HttpPort}{path}");

    public string SecureUrl(string path) => string.Create(CultureInfo.InvariantCulture, $"https://{Address}:{HttpsPort}{path}");

    public string TftpUrl(string path) => string.Create(CultureInfo.InvariantCulture, $"tftp://{Address}:{TftpPort}/{path}");

    public IPEndPoint Tftp => new(Address.ToIPAddress(), TftpPort);

    public static async Task<LoopbackServer> StartAsync(string export, X509Certificate2? certificate = null, DiscoveryPool? discovery = null, BootDocument[]? documents = null, BootUpload[]? uploads = null, bool portForEach = false)
    {
        var server = new LoopbackServer(export, certificate, discovery, documents ?? [], uploads ?? [], portForEach);
        await server.server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync() => await server.DisposeAsync();
}
