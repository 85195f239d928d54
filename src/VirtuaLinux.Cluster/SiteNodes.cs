using VirtuaLinux.Model;
using VirtuaLinux.Node;

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
        var answers = await Task.WhenAll(manifest.Nodes.Select(n => PeerWatch.AskAsync(_client, n, cancellationToken))).ConfigureAwait(false);
        return manifest.Nodes.Zip(answers).Where(a => a.Second?.Name == a.First.Name).ToDictionary(a => a.First.Name, a => a.Second!);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();
}
