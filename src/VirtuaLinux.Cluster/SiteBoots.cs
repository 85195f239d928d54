using System.Text.Json;
using VirtuaLinux.NetBoot;

namespace VirtuaLinux.Cluster;

/// <summary>Who boots at a site, put together from what each of its boot servers saw.</summary>
public sealed class SiteBoots : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2) }) { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>Asks all boot servers at once.</summary>
    /// <param name="servers">Hosts of their HTTP, with a port where it is not 80.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The machines, and the servers that did not answer.</returns>
    public async Task<(IReadOnlyList<MachineBoot> Machines, IReadOnlyList<string> Silent)> ReadAsync(IReadOnlyList<string> servers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(servers);
        var views = await Task.WhenAll(servers.Select(s => ReadAsync(s, cancellationToken))).ConfigureAwait(false);
        return (Merge(views.OfType<IReadOnlyList<MachineBoot>>()), [.. servers.Where((_, i) => views[i] is null)]);
    }

    /// <summary>One list from several views: of each machine the view that saw it last. Who is still under way comes first, the longest at one stage at the top.</summary>
    public static IReadOnlyList<MachineBoot> Merge(IEnumerable<IReadOnlyList<MachineBoot>> views)
    {
        ArgumentNullException.ThrowIfNull(views);
        return [.. views.SelectMany(v => v).GroupBy(m => m.Address)
            .Select(m => m.MinBy(v => v.StageSeconds)!)
            .OrderBy(m => m.Stage == BootStage.Up).ThenByDescending(m => m.Stage == BootStage.Up ? 0 : m.StageSeconds).ThenBy(m => m.Address)];
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<IReadOnlyList<MachineBoot>?> ReadAsync(string server, CancellationToken cancellationToken)
    {
        try
        {
            var json = await _client.GetByteArrayAsync(new Uri($"http://{server}/boots.json"), cancellationToken).ConfigureAwait(false);
            return JsonSerializer.Deserialize(json, NetBootJson.Default.IReadOnlyListMachineBoot);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or UriFormatException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null; // down, which the caller tells
        }
    }
}
