using System.Text.Json;
using VirtuaLinux.Model;

namespace VirtuaLinux.Cluster;

/// <summary>What the nodes of a site say of themselves.</summary>
public sealed class SiteNodes : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2) }) { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>Asks all nodes at once.</summary>
    /// <returns>What each says, by name; a node that does not answer is missing.</returns>
    public async Task<IReadOnlyDictionary<string, NodeStatus>> ReadAsync(Manifest manifest, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var answers = await Task.WhenAll(manifest.Nodes.Select(n => ReadAsync(n, cancellationToken))).ConfigureAwait(false);
        return manifest.Nodes.Zip(answers).Where(a => a.Second is not null).ToDictionary(a => a.First.Name, a => a.Second!);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<NodeStatus?> ReadAsync(ManifestNode node, CancellationToken cancellationToken)
    {
        try
        {
            var json = await _client.GetByteArrayAsync(new Uri($"http://{node.Cluster.Ip}/status"), cancellationToken).ConfigureAwait(false);
            return JsonSerializer.Deserialize(json, ModelJson.Default.NodeStatus) is { } status && status.Name == node.Name ? status : null;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null; // down, which the caller tells
        }
    }
}
