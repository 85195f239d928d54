using System.Collections.Concurrent;
using System.Text.Json;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node;

/// <summary>Keeps asking the other nodes how they are, so that boot scripts name only servers that answer and nobody waits for a dead one.</summary>
public sealed class PeerWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(3) }) { Timeout = TimeSpan.FromSeconds(5) };
    private readonly ConcurrentDictionary<string, NodeStatus> _alive = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ManifestNode _self;
    private readonly Dictionary<(string Name, Ipv4Address Ip), Task> _watched = [];
    private volatile Manifest _manifest;
    private volatile Ipv4Address[] _servers = [];

    /// <summary>Prepares to watch all nodes but <paramref name="self"/>; <see cref="Follow"/> starts.</summary>
    public PeerWatch(Manifest manifest, ManifestNode self)
    {
        _manifest = manifest;
        _self = self;
        Count();
    }

    /// <summary>The peers that answered last, by name.</summary>
    public IReadOnlyDictionary<string, NodeStatus> Alive => _alive;

    /// <summary>Addresses of the boot servers that are alive, this one included, in the manifest's order.</summary>
    public IReadOnlyList<Ipv4Address> Servers() => _servers;

    /// <summary>Called when a peer says that it is up, or that it has another manifest than before.</summary>
    public Action<ManifestNode, NodeStatus>? OnNews { get; set; }

    /// <summary>Watches the nodes of a manifest. After another one before, its new nodes are watched too, and those that it no longer has are not.</summary>
    public void Follow(Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        _manifest = manifest;
        foreach (var node in manifest.Nodes.Where(n => n.Name != _self.Name))
            if (!_watched.ContainsKey(Place(node))) _watched[Place(node)] = WatchAsync(node);
        Count();
        foreach (var gone in _watched.Where(w => w.Value.IsCompleted || !Has(w.Key)).Select(w => w.Key).ToList()) _watched.Remove(gone);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(_watched.Values).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // asked for just now
        }
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync(ManifestNode peer)
    {
        while (Has(Place(peer)))
        {
            var before = _alive.GetValueOrDefault(peer.Name);
            if (await AskAsync(_client, peer, _stop.Token).ConfigureAwait(false) is { } status)
            {
                _alive[peer.Name] = status;
                if (before?.BootId != status.BootId || before?.ManifestSerial != status.ManifestSerial) OnNews?.Invoke(peer, status);
            }
            else
            {
                _alive.TryRemove(peer.Name, out _);
            }
            Count();
            await Task.Delay(Interval, _stop.Token).ConfigureAwait(false);
        }
        _alive.TryRemove(peer.Name, out _);
        Count();
    }

    /// <summary>The list is made when it changes, not when somebody asks.</summary>
    private void Count() => _servers = [.. _manifest.Nodes.Where(n => n.Name == _self.Name || _alive.ContainsKey(n.Name)).Select(n => n.Cluster.Ip)];

    private static (string Name, Ipv4Address Ip) Place(ManifestNode node) => (node.Name, node.Cluster.Ip);

    private bool Has((string Name, Ipv4Address Ip) place) => _manifest.Nodes.Any(n => Place(n) == place);

    /// <summary>What a node says of itself; null when it is down, or not a node yet.</summary>
    public static async Task<NodeStatus?> AskAsync(HttpClient client, ManifestNode node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(node);
        try
        {
            var json = await client.GetByteArrayAsync(new Uri($"http://{node.Cluster.Ip}/status"), cancellationToken).ConfigureAwait(false);
            return JsonSerializer.Deserialize(json, ModelJson.OtherVersions.NodeStatus);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
