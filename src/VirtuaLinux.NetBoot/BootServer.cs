using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.NetBoot.Http;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot;

/// <summary>DHCP, TFTP and HTTP for machines that boot over the network.</summary>
public sealed class BootServer(BootServerOptions options) : IAsyncDisposable
{
    private const string SiteArchive = "/site.cpio";
    private readonly List<IAsyncDisposable> running = [];

    /// <summary>Bytes of content by client.</summary>
    public ServedBytes Served { get; } = new();

    /// <summary>Clients that DHCP answered.</summary>
    public AnsweredClients Answered { get; } = new();

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
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private async Task BindAsync(CancellationToken cancellationToken)
    {
        var export = new ExportDirectory(options.ExportDirectory);
        var addresses = options.Endpoints.Select(e => e.Address).Distinct().ToList();
        var content = Content(export);
        var http = new HttpServer(addresses, options.HttpPort, options.HttpsPort, options.Certificate, new BootHttpHandler(content, options.Uploads, Served, options.Log));
        running.Add(http);
        await http.StartAsync(cancellationToken).ConfigureAwait(false);
        foreach (var address in addresses) running.Add(new TftpServer(address, options.TftpPort, content, Served, options.Log));
        if (!options.ServesDhcp) return;
        // Last: whoever gets an answer finds everything else ready. Broadcasts do not say which of a card's networks they are for: its first one answers.
        foreach (var endpoint in options.Endpoints.DistinctBy(e => e.Interface))
        {
            var responder = new DhcpResponder(new DhcpResponderOptions
            {
                Address = endpoint.Address,
                Manifest = options.Manifest,
                Servers = options.Servers ?? (_ => [endpoint.Address]),
                HttpPort = options.HttpPort,
                Discovery = options.Discovery,
            });
            running.Add(new DhcpServer(endpoint, responder, Answered, options.Log));
        }
    }

    private BootContent Content(ExportDirectory export) => new(
        export,
        new BootScripts(new BootScriptOptions
        {
            Manifest = options.Manifest,
            Servers = options.Servers ?? (_ => []),
            HttpPort = options.HttpPort,
            Discovery = options.Discovery,
            HasSiteArchive = options.Documents.Any(d => d.Path == SiteArchive),
        }),
        options.Documents);
}
