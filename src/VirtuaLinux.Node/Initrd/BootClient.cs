using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;

namespace VirtuaLinux.Node.Initrd;

/// <summary>Fetches what a node needs from any boot server: the signed manifest, and over pinned TLS the CHAP secret.</summary>
public sealed class BootClient : IDisposable
{
    private const int SecureTries = 30;

    // The range that rresvport(3) uses: the ports below belong to services.
    private const int FirstPrivilegedPort = 512;

    private readonly HttpClient _client;
    private readonly SiteCertificate _certificate;
    private readonly Action<string> _log;

    /// <summary>A client that trusts this site and no other.</summary>
    /// <param name="certificate">The site's.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="patience">How long a server may take to begin its answer; who boots asks the next one after 5 s without a connection and 20 s without an answer, and so it is unless said.</param>
    public BootClient(SiteCertificate certificate, Action<string> log, TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        _certificate = certificate;
        _log = log;
        var handler = new SocketsHttpHandler { SslOptions = certificate.ClientOptions(), UseProxy = false, ConnectTimeout = patience ?? TimeSpan.FromSeconds(5), ConnectCallback = ConnectAsync };
        _client = new HttpClient(handler) { Timeout = patience ?? TimeSpan.FromSeconds(20), MaxResponseContentBufferSize = 32 << 20 };
    }

    /// <summary>Asks the servers in turn, again and again with growing pauses, until one gives a manifest that this site signed.</summary>
    public async Task<(Manifest Manifest, string Server)> FetchManifestAsync(IReadOnlyList<string> servers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(servers);
        if (servers.Count == 0) throw new FailureException("kernel argument virtualinux.servers is missing; the boot script should name the boot servers");
        for (var round = 0; ; round++)
        {
            foreach (var server in servers)
                if (await TryGetAsync(new Uri($"http://{server}/manifest.json"), cancellationToken).ConfigureAwait(false) is { } file)
                {
                    if (SignedManifest.TryRead(file, _certificate.PublicKey, out var manifest, out var reason)) return (manifest, server);
                    _log($"{server}: manifest refused: {reason}");
                }
            await PauseAsync(round, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Fetches the CHAP secret from the first server that gives it.</summary>
    /// <exception cref="FailureException">None gave it within some minutes.</exception>
    public async Task<string> FetchSecretAsync(IReadOnlyList<string> servers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(servers);
        for (var round = 0; round < SecureTries; round++)
        {
            foreach (var server in servers)
                if (await TryGetAsync(new Uri($"https://{server.Split(':')[0]}/secret/chap"), cancellationToken).ConfigureAwait(false) is { } secret)
                    return System.Text.Encoding.UTF8.GetString(secret).Trim();
            await PauseAsync(round, cancellationToken).ConfigureAwait(false);
        }
        throw new FailureException($"none of {string.Join(", ", servers)} gave the CHAP secret over TLS; the reasons are above");
    }

    /// <summary>Opens the stream of the files of a running node's <c>local</c> volume; a read fails when the node breaks it off.</summary>
    /// <exception cref="FailureException">The node does not give it.</exception>
    public async Task<Stream> OpenLocalAsync(ManifestNode node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        var uri = new Uri($"https://{node.Cluster.Ip}{SiteServices.LocalPath}");
        try
        {
            return await _client.GetStreamAsync(uri, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new FailureException($"{node.Name} does not give the files of its local volume ({e.InnerException?.Message ?? e.Message}); see 'journalctl -u virtualinux-serve' there", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var isSecure = context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps;
        for (var port = isSecure ? ClientEndpoint.LastPrivilegedPort : 0; ; port--)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                // What is secret is told to root alone, and root shows itself by its port.
                if (isSecure) socket.Bind(new IPEndPoint(IPAddress.Any, port));
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e) when (port > FirstPrivilegedPort && e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable)
            {
                socket.Dispose(); // taken, or its last connection to this server is not forgotten yet
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private async Task<byte[]?> TryGetAsync(Uri uri, CancellationToken cancellationToken)
    {
        try
        {
            return await _client.GetByteArrayAsync(uri, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            _log($"{uri}: {e.InnerException?.Message ?? e.Message}");
            return null;
        }
    }

    private static Task PauseAsync(int round, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(Math.Min(15, 1 << Math.Min(round, 4))), cancellationToken);
}
