using System.Text;
using System.Text.Json;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.NetBoot.Http;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot;

/// <summary>DHCP, TFTP and HTTP for machines that boot over the network.</summary>
public sealed class BootServer : IAsyncDisposable
{
    private const string SiteArchive = "/site.cpio";
    private readonly BootServerOptions options;
    private readonly List<IAsyncDisposable> running = [];
    private volatile TftpServer[] tftp = [];
    private readonly LogQueue log;

    /// <summary>Prepares the servers.</summary>
    public BootServer(BootServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        this.options = options;
        log = new LogQueue(options.Log, Metrics.LogDropped);
        Progress = new BootProgress(options.Manifest, Metrics, log.Write);
    }

    /// <summary>Bytes of content by client.</summary>
    public ServedBytes Served { get; } = new();

    /// <summary>What is counted; also at <c>/metrics</c>.</summary>
    public BootMetrics Metrics { get; } = new();

    /// <summary>Who is at which stage of its boot; also at <c>/boots.json</c>.</summary>
    public BootProgress Progress { get; }

    /// <summary>Machines that asked and are not in the manifest; also at <c>/discovered.json</c>.</summary>
    public Discoveries Discoveries { get; } = new();

    /// <summary>Downloads over TFTP that are under way.</summary>
    public int TftpInFlight => tftp.Sum(t => t.InFlight);

    /// <summary>Starts; completes when all sockets are bound.</summary>
    /// <exception cref="Host.FailureException">A socket cannot be bound, a template or the export directory is missing.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await BindAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await StopAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops; running transfers are cut off.</summary>
    public async Task StopAsync()
    {
        // The last started first: clients stop being sent here before what they need goes away.
        for (var i = running.Count - 1; i >= 0; i--) await running[i].DisposeAsync().ConfigureAwait(false);
        running.Clear();
        tftp = [];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await log.DisposeAsync().ConfigureAwait(false);
    }

    private async Task BindAsync(CancellationToken cancellationToken)
    {
        var export = new ExportDirectory(options.ExportDirectory);
        var addresses = options.Endpoints.Select(e => e.Address).Distinct().ToList();
        var content = Content(export);
        var http = new HttpServer(addresses, options.HttpPort, options.HttpsPort, options.Certificate, new BootHttpHandler(new BootHttpOptions
        {
            Content = content,
            Uploads = options.Uploads,
            Downloads = options.Downloads,
            Served = Served,
            Metrics = Metrics,
            OnSent = Progress.Note,
            Log = log.Write,
        }));
        running.Add(http);
        await http.StartAsync(cancellationToken).ConfigureAwait(false);
        foreach (var address in addresses)
        {
            var server = new TftpServer(new TftpServerOptions
            {
                Address = address,
                Port = options.TftpPort,
                PortForEach = options.TftpPortForEach,
                Content = content,
                IsClient = a => options.Manifest.Map.NetworkOf(a) is not null,
                Served = Served,
                Metrics = Metrics,
                OnSent = Progress.Note,
                Log = log.Write,
            });
            // A server that runs already may be asked for this list.
            tftp = [.. tftp, server];
            running.Add(server);
        }
        if (!options.ServesDhcp) return;
        var loaders = new BootLoaders(export.Has);
        // Last: whoever gets an answer finds everything else ready. Broadcasts do not say which of a card's networks they are for: its first one answers.
        foreach (var endpoint in options.Endpoints.DistinctBy(e => e.Interface))
        {
            IReadOnlyList<Ipv4Address> alone = [endpoint.Address];
            var responder = new DhcpResponder(new DhcpResponderOptions
            {
                Address = endpoint.Address,
                Manifest = options.Manifest,
                Servers = options.Servers ?? (_ => alone),
                Loaders = loaders,
                HttpPort = options.HttpPort,
                Discovery = options.Discovery,
                Discoveries = Discoveries,
                IsProxy = options.IsProxy,
            });
            running.Add(new DhcpServer(new DhcpServerOptions { Endpoint = endpoint, Responder = responder, IsProxy = options.IsProxy, Metrics = Metrics, OnReply = Progress.Note, Log = log.Write }));
        }
    }

    private BootContent Content(ExportDirectory export) => new(
        options.ExportFor ?? (_ => export),
        new BootScripts(new BootScriptOptions
        {
            Manifest = options.Manifest,
            Servers = options.Servers ?? (_ => []),
            HttpPort = options.HttpPort,
            Discovery = options.Discovery,
            HasSiteArchive = options.Documents.Any(d => d.Path == SiteArchive),
        }),
        [.. options.Documents, .. Documents()]);

    private IEnumerable<BootDocument> Documents() =>
    [
        new() { Path = "/metrics", ContentType = "text/plain; version=0.0.4; charset=utf-8", Quiet = true, Render = _ => Encoding.UTF8.GetBytes(Metrics.Render(TftpInFlight)) },
        new() { Path = "/boots.json", ContentType = "application/json", Quiet = true, Render = _ => JsonSerializer.SerializeToUtf8Bytes(Progress.Machines, NetBootJson.Default.IReadOnlyListMachineBoot) },
        new() { Path = "/discovered.json", ContentType = "application/json", Quiet = true, Render = _ => JsonSerializer.SerializeToUtf8Bytes(Discoveries.Machines, NetBootJson.Default.IReadOnlyListDiscoveredMachine) },
    ];
}
