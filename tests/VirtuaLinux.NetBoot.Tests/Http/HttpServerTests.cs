using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests.Http;

public sealed class HttpServerTests : IDisposable
{
    private readonly TemporaryDirectory export = new();
    private readonly HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false, UseProxy = false, ServerCertificateCustomValidationCallback = (_, _, _, _) => true });

    public void Dispose()
    {
        client.Dispose();
        export.Dispose();
    }

    [Theory]
    [InlineData("/boot/vmlinuz")]
    [InlineData("/boot//vmlinuz")]
    [InlineData("//boot/vmlinuz")]
    [InlineData("/vmlinuz")]
    public async Task A_file_comes_whole_without_a_redirect(string path)
    {
        var bytes = export.Write("vmlinuz", 5_000_001);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var response = await GetAsync(server.Url(path));
        Assert.Equal((HttpStatusCode.OK, 5_000_001), (response.StatusCode, response.Content.Headers.ContentLength));
        Assert.Equal(bytes, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_happens_is_counted_and_shown_by_stage()
    {
        export.Write("vmlinuz", 1000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await client.GetByteArrayAsync(server.Url("/boot/vmlinuz"), TestContext.Current.CancellationToken);
        await Peer.OutputAsync("curl", "-sS", "-o", export["got"], server.TftpUrl("vmlinuz"));
        var metrics = await client.GetStringAsync(server.Url("/metrics"), TestContext.Current.CancellationToken);
        Assert.Contains("virtualinux_http_requests_total{code=\"2xx\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("virtualinux_tftp_transfers_total{outcome=\"sent\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("virtualinux_tftp_bytes_total 1000\n", metrics, StringComparison.Ordinal);
        var boots = await client.GetStringAsync(server.Url("/boots.json"), TestContext.Current.CancellationToken);
        Assert.Contains("\"address\":\"127.0.0.1\",\"stage\":\"Kernel\"", boots, StringComparison.Ordinal);
        Assert.Equal("[]", await client.GetStringAsync(server.Url("/discovered.json"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Thousands_of_idle_connections_keep_nobody_from_a_file()
    {
        export.Write("f", 100_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        var uri = new Uri(server.Url("/boot/f"));
        List<System.Net.Sockets.TcpClient> idle = [];
        try
        {
            for (var i = 0; i < 3000; i++)
            {
                var connection = new System.Net.Sockets.TcpClient();
                idle.Add(connection);
                await connection.ConnectAsync(IPAddress.Parse(uri.Host), uri.Port, TestContext.Current.CancellationToken);
            }
            Assert.Equal(100_000, (await client.GetByteArrayAsync(uri, TestContext.Current.CancellationToken)).Length);
        }
        finally
        {
            idle.ForEach(c => c.Dispose());
        }
    }

    [Fact]
    public async Task Head_tells_the_length_and_sends_nothing()
    {
        export.Write("vmlinuz", 1234);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, server.Url("/boot/vmlinuz")), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, 1234), (response.StatusCode, response.Content.Headers.ContentLength));
        Assert.Equal(0, server.Served[VirtuaLinux.Model.Ipv4Address.Parse("127.0.0.1")]);
    }

    [Fact]
    public async Task Curl_continues_an_interrupted_download()
    {
        var bytes = export.Write("initrd.img", 1_000_000);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await File.WriteAllBytesAsync(export["part"], bytes.AsMemory(0, 400_000), TestContext.Current.CancellationToken);
        await Peer.OutputAsync("curl", "-sS", "-C", "-", "-o", export["part"], server.Url("/boot/initrd.img"));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(export["part"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Parts_and_tags_follow_the_standard()
    {
        var bytes = export.Write("f", 100);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var whole = await GetAsync(server.Url("/boot/f"));
        var tag = whole.Headers.ETag!;
        using var part = await GetAsync(server.Url("/boot/f"), r => (r.Headers.Range, r.Headers.IfRange) = (new RangeHeaderValue(10, 19), new RangeConditionHeaderValue(tag)));
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal("bytes 10-19/100", part.Content.Headers.ContentRange!.ToString());
        Assert.Equal(bytes[10..20], await part.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        using var changed = await GetAsync(server.Url("/boot/f"), r => (r.Headers.Range, r.Headers.IfRange) = (new RangeHeaderValue(10, 19), new RangeConditionHeaderValue(new EntityTagHeaderValue("\"old\""))));
        Assert.Equal((HttpStatusCode.OK, 100), (changed.StatusCode, changed.Content.Headers.ContentLength));
        using var behind = await GetAsync(server.Url("/boot/f"), r => r.Headers.Range = new RangeHeaderValue(100, null));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, behind.StatusCode);
        using var known = await GetAsync(server.Url("/boot/f"), r => r.Headers.IfNoneMatch.Add(tag));
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
    }

    [Fact]
    public async Task Two_requests_share_one_connection_even_after_a_missing_file()
    {
        export.Write("f", 10);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        var result = await Peer.RunAsync("curl", "-sSv", server.Url("/boot/missing"), server.Url("/boot/f"), "-o", "/dev/null", "-o", "/dev/null");
        Assert.Contains("Re-using existing connection", result.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_missing_file_has_a_body_because_firmware_waits_for_one()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var response = await GetAsync(server.Url("/boot/revocations_sku.efi"));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.NotEqual(0, response.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task Grub_sees_a_missing_file_as_a_broken_connection()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root);
        Assert.NotEqual(0, (await Peer.RunAsync("curl", "-sS", "-A", "GRUB 2.12", server.Url("/boot/missing"))).ExitCode);
    }

    [Theory]
    [InlineData("/boot/../../secret")]
    [InlineData("/boot/%2e%2e/secret")]
    [InlineData("/boot/..%2fsecret")]
    [InlineData("/boot/..%5csecret")]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/boot/link-out")]
    [InlineData("/boot")]
    [InlineData("/")]
    public async Task Nothing_outside_the_export_directory_can_be_read(string path)
    {
        var sibling = export.Root + "-secret";
        Directory.CreateDirectory(sibling);
        await File.WriteAllTextAsync(Path.Combine(sibling, "secret"), "x", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(export["link-out"], Path.Combine(sibling, "secret"));
        await using var server = await LoopbackServer.StartAsync(export.Root);
        Assert.Equal("404", await Peer.OutputAsync("curl", "-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", server.Url(path)));
        Directory.Delete(sibling, recursive: true);
    }

    [Fact]
    public async Task A_secret_document_is_there_over_TLS_only()
    {
        using var certificate = Certificate();
        await using var server = await LoopbackServer.StartAsync(export.Root, certificate, documents:
        [
            new BootDocument { Path = "/secret/chap", SecureOnly = true, Render = c => c.Address.ToString() == "127.0.0.1" ? "secret"u8.ToArray() : null },
            new BootDocument { Path = "/manifest.json", Render = _ => "{}"u8.ToArray(), ContentType = "application/json" },
        ]);
        using var plain = await GetAsync(server.Url("/secret/chap"));
        Assert.Equal(HttpStatusCode.NotFound, plain.StatusCode);
        Assert.Equal("secret", await client.GetStringAsync(server.SecureUrl("/secret/chap"), TestContext.Current.CancellationToken));
        Assert.Equal("404", await Peer.OutputAsync("curl", "-ksS", "--interface", "127.0.0.9", "-o", "/dev/null", "-w", "%{http_code}", server.SecureUrl("/secret/chap")));
        using var manifest = await GetAsync(server.Url("/manifest.json"));
        Assert.Equal("application/json", manifest.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task A_document_can_tell_root_from_other_users_by_the_port()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root, documents: [new BootDocument { Path = "/who", Render = c => c.IsPrivileged ? "root"u8.ToArray() : "anybody"u8.ToArray() }]);
        Assert.Equal("root", await Peer.OutputAsync("curl", "-sS", "--local-port", "512-1023", server.Url("/who")));
        Assert.Equal("anybody", await Peer.OutputAsync("curl", "-sS", "--local-port", "1024-2048", server.Url("/who")));
    }

    [Fact]
    public async Task An_upload_arrives_and_one_that_is_too_long_is_refused()
    {
        var got = "";
        await using var server = await LoopbackServer.StartAsync(export.Root, uploads:
        [
            new BootUpload { Path = "/report", MaximumLength = 1000, Receive = (c, b) => (got = $"{c} {Encoding.UTF8.GetString(b.Span)}").Length > 0 },
            new BootUpload { Path = "/long", MaximumLength = 100_000, Receive = (_, _) => true },
        ]);
        using var good = await client.PostAsync(server.Url("/report"), new StringContent("{\"cpus\":4}"), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.NoContent, "127.0.0.1 {\"cpus\":4}"), (good.StatusCode, got));
        using var tooLong = await client.PostAsync(server.Url("/report"), new ByteArrayContent(new byte[1001]), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLong.StatusCode);
        using var nowhere = await client.PostAsync(server.Url("/elsewhere"), new StringContent(""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        await using var server = await LoopbackServer.StartAsync(export.Root);
        await using var second = new BootServer(new BootServerOptions
        {
            Manifest = new ManifestSource(TestSite.Manifest(LoopbackServer.Subnet)),
            Endpoints = [new BootEndpoint("lo", server.Address)],
            ExportDirectory = export.Root,
            HttpPort = LoopbackServer.HttpPort,
            TftpPort = LoopbackServer.TftpPort,
            ServesDhcp = false,
        });
        var failure = await Assert.ThrowsAsync<FailureException>(() => second.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"{server.Address}:{LoopbackServer.HttpPort}/tcp", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_networks_on_one_card_are_served_together()
    {
        export.Write("f", 10);
        Ipv4Address[] addresses = [Ipv4Address.Parse("127.0.80.1"), Ipv4Address.Parse("127.0.81.1")];
        await using var server = new BootServer(new BootServerOptions
        {
            Manifest = new ManifestSource(TestSite.Manifest("127.0.80.0/24")),
            Endpoints = [.. addresses.Select(a => new BootEndpoint("lo", a))],
            ExportDirectory = export.Root,
            HttpPort = LoopbackServer.HttpPort,
            TftpPort = LoopbackServer.TftpPort,
        });
        await server.StartAsync(TestContext.Current.CancellationToken);
        foreach (var address in addresses)
            Assert.Equal(10, (await client.GetByteArrayAsync($"http://{address}:{LoopbackServer.HttpPort}/boot/f", TestContext.Current.CancellationToken)).Length);
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node01", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
    }

    private async Task<HttpResponseMessage> GetAsync(string url, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        change?.Invoke(request);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
