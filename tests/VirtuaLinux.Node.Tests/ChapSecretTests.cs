using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Node.Tests;

/// <summary>The CHAP secret over TLS between a boot server and the initrd's client, on a loopback address; needs root, as both do.</summary>
public sealed class ChapSecretTests : IAsyncLifetime
{
    private static readonly Ipv4Address Member = Ipv4Address.Parse("127.0.0.1");
    private static readonly Ipv4Address Address = Ipv4Address.Parse("127.0.79.1");

    private readonly string _export = Directory.CreateTempSubdirectory("virtualinux-node").FullName;
    private readonly ConcurrentQueue<string> _log = [];
    private readonly SiteIdentity _identity = SiteIdentity.Create("blade16", Guid.NewGuid());
    private readonly X509Certificate2 _certificate;
    private readonly BootServer _server;

    public ChapSecretTests()
    {
        _certificate = _identity.IssueServer("node01", [], [Address]);
        var manifest = Manifest.Compile(new Site { Name = "blade16", Networks = new Dictionary<string, SiteNetwork> { ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("127.0.79.0/24") } }, Nodes = [] }, Guid.Empty, 1, ImageVersion.Parse("debian-13@1"), "");
        _server = new BootServer(new BootServerOptions
        {
            Manifest = new ManifestSource(manifest),
            Endpoints = [new BootEndpoint("lo", Address)],
            ExportDirectory = _export,
            Certificate = _certificate,
            ServesDhcp = false,
            Documents = [SiteServices.ChapSecret(address => address == Member, () => "lab-secret-12", _log.Enqueue)],
        });
    }

    public async ValueTask InitializeAsync() => await _server.StartAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _certificate.Dispose();
        _identity.Dispose();
        Directory.Delete(_export, recursive: true);
    }

    [Fact]
    public async Task The_initrd_gets_the_secret_also_when_the_first_port_is_taken()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Any, ClientEndpoint.LastPrivilegedPort));
        using var client = new BootClient(_identity.Certificate, _log.Enqueue);
        Assert.Equal("lab-secret-12", await client.FetchSecretAsync([$"{Address}:80"], TestContext.Current.CancellationToken));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_program_that_may_not_bind_a_privileged_port_is_refused_and_named()
    {
        Assert.Equal("404", await CurlAsync("--local-port", "20000-30000"));
        Assert.Contains($"/secret/chap refused to {Member}:2", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stranger_gets_nothing_whatever_its_port()
    {
        Assert.Equal("404", await CurlAsync("--interface", "127.0.0.9", "--local-port", "512-1022"));
        Assert.Equal("200", await CurlAsync("--local-port", "512-1022"));
    }

    private static async Task<string> CurlAsync(params string[] arguments) =>
        (await new CommandRunner().RunAsync(ExternalCommand.Of("curl", ["-ksS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", .. arguments, $"https://{Address}/secret/chap"]), TestContext.Current.CancellationToken)).Output;
}
