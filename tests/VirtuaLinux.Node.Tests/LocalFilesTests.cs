using System.Security.Cryptography.X509Certificates;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Tests;

/// <summary>The files of a node's <c>local</c> volume over TLS, from the node to the one that makes a backup, on a loopback address; needs root, as both do.</summary>
public sealed class LocalFilesTests : IAsyncLifetime
{
    private static readonly Ipv4Address Member = Ipv4Address.Parse("127.0.0.1");
    private static readonly Ipv4Address Address = Ipv4Address.Parse("127.0.79.2");

    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-local").FullName;
    private readonly SiteIdentity _identity = SiteIdentity.Create("blade16", Guid.NewGuid());
    private readonly X509Certificate2 _certificate;
    private readonly BootServer _server;
    private readonly BootClient _client;
    private readonly CommandRunner _runner = new();
    private Task _mayRead = Task.CompletedTask;

    public LocalFilesTests()
    {
        _client = new BootClient(_identity.Certificate, _ => { });
        _certificate = _identity.IssueServer("node01", [], [Address]);
        var manifest = Manifest.Compile(new Site { Name = "blade16", Networks = new Dictionary<string, SiteNetwork> { ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("127.0.79.0/24") } }, Nodes = [] }, Guid.Empty, 1, ImageVersion.Parse("debian-13@1"), "");
        var files = SiteServices.LocalFiles(address => address == Member, Path.Combine(_folder, "local"), _ => { });
        _server = new BootServer(new BootServerOptions
        {
            Manifest = new ManifestSource(manifest),
            Endpoints = [new BootEndpoint("lo", Address)],
            ExportDirectory = _folder,
            Certificate = _certificate,
            ServesDhcp = false,
            Downloads = [files with { WriteAsync = async (target, cancellation) => { await _mayRead.WaitAsync(cancellation); await files.WriteAsync(target, cancellation); } }],
        });
    }

    public async ValueTask InitializeAsync()
    {
        foreach (var name in (string[])["local/ssh", "restored"]) Directory.CreateDirectory(Path.Combine(_folder, name));
        await File.WriteAllTextAsync(Path.Combine(_folder, "local/ssh/key"), "host key");
        await File.WriteAllBytesAsync(Path.Combine(_folder, "local/large"), Enumerable.Range(0, 5_000_000).Select(i => (byte)(i * i >> 7)).ToArray());
        await _server.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        _certificate.Dispose();
        _identity.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Root_of_a_machine_of_the_site_gets_them_whole()
    {
        await using (var files = await OpenAsync()) await VolumeArchive.ExtractAsync(_runner, files, Path.Combine(_folder, "restored"), "virtualinux", TestContext.Current.CancellationToken);
        await _runner.RunAsync(ExternalCommand.Of("diff", "-r", Path.Combine(_folder, "local"), Path.Combine(_folder, "restored")), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Nobody_waits_in_vain_where_the_first_byte_is_a_long_time_in_coming()
    {
        var mayRead = new TaskCompletionSource();
        _mayRead = mayRead.Task;
        await using var files = await OpenAsync();
        mayRead.SetResult();
        Assert.NotEqual(0, await files.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_a_node_cannot_read_to_its_end_is_never_taken_for_the_whole()
    {
        Directory.Delete(Path.Combine(_folder, "local"), recursive: true);
        Exception? failed = await Record.ExceptionAsync(async () =>
        {
            await using var files = await OpenAsync();
            await files.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        });
        Assert.True(failed is IOException or FailureException, failed?.ToString() ?? "nothing was thrown");
    }

    [Fact]
    public async Task Nobody_else_gets_any()
    {
        Assert.Equal("404", await CurlAsync("https", "--local-port", "20000-30000"));
        Assert.Equal("404", await CurlAsync("https", "--interface", "127.0.0.9", "--local-port", "512-1022"));
        Assert.Equal("404", await CurlAsync("http", "--local-port", "512-1022"));
        Assert.Equal("200", await CurlAsync("https", "--local-port", "512-1022"));
    }

    private async Task<Stream> OpenAsync()
    {
        var node = new ManifestNode { Name = "node01", Interfaces = new Dictionary<string, SiteInterface> { ["cluster"] = new() { Mac = MacAddress.Parse("52:54:00:77:00:01"), Ip = Address } } };
        return await _client.OpenLocalAsync(node, TestContext.Current.CancellationToken);
    }

    private async Task<string> CurlAsync(string scheme, params string[] arguments) =>
        (await _runner.RunAsync(ExternalCommand.Of("curl", ["-ksS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", .. arguments, $"{scheme}://{Address}{SiteServices.LocalPath}"]), TestContext.Current.CancellationToken)).Output;
}
