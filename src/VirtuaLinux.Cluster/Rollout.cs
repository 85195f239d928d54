using VirtuaLinux.Model;

namespace VirtuaLinux.Cluster;

/// <summary>Brings running nodes to other images, a few at a time: a canary first, then batches, the node that does it last. It stops at the first node that does not come up well; what it did not reach stays as it is.</summary>
/// <remarks>The manifest on the SAN is its only state: when it is interrupted, the same call goes on.</remarks>
/// <param name="commit">Commits what it is given makes of the manifest that rules, and gives the manifest that rules then.</param>
/// <param name="ask">What the nodes of a manifest say of themselves; who is silent is missing.</param>
/// <param name="say">Takes a line for people.</param>
public sealed class Rollout(Func<Func<Manifest, Manifest>, CancellationToken, Task<Manifest>> commit, Func<Manifest, CancellationToken, Task<IReadOnlyDictionary<string, NodeStatus>>> ask, Action<string> say)
{
    private static readonly HashSet<string> Nobody = [];

    /// <summary>How many nodes go first, alone.</summary>
    public int Canary { get; init; } = 1;

    /// <summary>How many go at a time after them.</summary>
    public int Batch { get; init; } = 4;

    /// <summary>How long a batch may take to come up.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often nodes are asked.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Brings nodes to their images.</summary>
    /// <param name="manifest">The manifest that rules.</param>
    /// <param name="targets">The image of each node, by its name.</param>
    /// <param name="self">The node that this runs on.</param>
    /// <param name="cancellationToken">Ends the waiting; what was committed stays.</param>
    /// <returns>The nodes that did not come up well; empty when all did.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(Manifest manifest, IReadOnlyDictionary<string, ImageVersion> targets, string self, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(targets);
        var status = await ask(manifest, cancellationToken).ConfigureAwait(false);
        var due = manifest.Nodes.Select(n => n.Name).Where(n => targets.ContainsKey(n) && !Runs(status, n, targets[n])).ToList();
        var restarting = manifest.Nodes.Where(n => n.Restarts).Select(n => n.Name).ToHashSet();
        if (due.Count == 0 && SignedManifest.SaySame(manifest, manifest.WithAssigned(targets, restarting).Settled())) return [];
        foreach (var batch in Batches([.. due.Where(n => status.ContainsKey(n) && n != self)]))
        {
            await commit(m => m.WithAssigned(Only(targets, batch), batch.ToHashSet()), cancellationToken).ConfigureAwait(false);
            say($"{string.Join(", ", batch)}: restarting with {string.Join(", ", batch.Select(n => targets[n]).Distinct())}");
            if (await WaitAsync(manifest, targets, batch, status, cancellationToken).ConfigureAwait(false) is { Count: > 0 } failed) return failed;
        }
        // The others have shown that it runs: nodes that are off start it when they are on again, and this one now.
        var restarts = due.Contains(self) && status.ContainsKey(self) ? new HashSet<string> { self } : Nobody;
        var last = await commit(m => m.WithAssigned(targets, restarts).Settled(), cancellationToken).ConfigureAwait(false);
        foreach (var silent in due.Where(n => !status.ContainsKey(n))) say($"{silent} does not answer: it starts {targets[silent]} when it is powered on");
        if (last.Image != manifest.Image) say($"{last.Image} is the site's image now; nodes can go back with 'virtualinux image rollback'");
        if (restarts.Count > 0) say($"{self}: this node restarts now with {targets[self]}; look at it from another one");
        return [];
    }

    /// <summary>Canaries alone, then batches, in the given order.</summary>
    internal IEnumerable<IReadOnlyList<string>> Batches(IReadOnlyList<string> nodes)
    {
        IEnumerable<IReadOnlyList<string>> canaries = nodes.Take(Canary).ToList() is { Count: > 0 } first ? [first] : [];
        return [.. canaries, .. nodes.Skip(Canary).Chunk(Batch)];
    }

    /// <summary>What is wrong with a node that shall run an image, or null when nothing is; an empty text while it is not known yet.</summary>
    /// <param name="before">What it said before it restarted.</param>
    /// <param name="now">What it says now; null when it does not answer.</param>
    /// <param name="image">The image.</param>
    internal static string? Verdict(NodeStatus before, NodeStatus? now, ImageVersion image)
    {
        if (now is not { State: "up", FailedUnits: { } failed } || now.BootId == before.BootId || now.ImageVersion != image.ToString()) return "";
        if (now.Origin == OriginState.Corrupt) return $"its origin {image} is corrupt on the SAN";
        var fresh = failed.Except(before.FailedUnits ?? []).ToList();
        return fresh.Count == 0 ? null : $"{string.Join(", ", fresh)} failed, and did not before";
    }

    private async Task<IReadOnlyList<string>> WaitAsync(Manifest manifest, IReadOnlyDictionary<string, ImageVersion> targets, IReadOnlyList<string> batch, IReadOnlyDictionary<string, NodeStatus> before, CancellationToken cancellationToken)
    {
        var deadline = DateTime.UtcNow + Patience;
        var waiting = batch.ToList();
        var failed = new List<string>();
        while (waiting.Count > 0)
        {
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
            var now = await ask(manifest, cancellationToken).ConfigureAwait(false);
            foreach (var name in waiting.ToList())
            {
                var verdict = Verdict(before[name], now.GetValueOrDefault(name), targets[name]);
                if (verdict == "" && DateTime.UtcNow > deadline) verdict = now.GetValueOrDefault(name) is { } late ? $"it runs {late.ImageVersion} after {Patience.TotalMinutes:0.#} min{(late.FailedUnits is null ? ", its boot has not ended" : "")}" : $"it does not answer after {Patience.TotalMinutes:0.#} min; look at its console";
                if (verdict == "") continue;
                say($"{name}: {verdict ?? $"runs {targets[name]}"}");
                waiting.Remove(name);
                if (verdict is not null) failed.Add(name);
            }
        }
        return failed;
    }

    private static bool Runs(IReadOnlyDictionary<string, NodeStatus> status, string node, ImageVersion image) => status.GetValueOrDefault(node)?.ImageVersion == image.ToString();

    private static Dictionary<string, ImageVersion> Only(IReadOnlyDictionary<string, ImageVersion> targets, IReadOnlyList<string> nodes) => nodes.ToDictionary(n => n, n => targets[n]);
}
