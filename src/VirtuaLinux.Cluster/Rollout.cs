using VirtuaLinux.Host;
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

    /// <summary>The manifest that ruled when this looked last.</summary>
    private Manifest? _rules;

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
    /// <exception cref="FailureException">Somebody else changed meanwhile who starts which image, or this node alone is left and no other one runs the image.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(Manifest manifest, IReadOnlyDictionary<string, ImageVersion> targets, string self, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(targets);
        var status = await ask(manifest, cancellationToken).ConfigureAwait(false);
        var due = manifest.Nodes.Where(n => targets.TryGetValue(n.Name, out var image) && (!Runs(status, n.Name, image) || (n.Restarts && n.Name != self))).ToList();
        if (due.Count == 0 && SignedManifest.SaySame(manifest, manifest.WithAssigned(targets, Restarting(manifest, targets), Nobody).Settled())) return [];
        _rules = manifest;
        var sound = manifest.Nodes.Where(n => Runs(status, n.Name, manifest.ImageOf(n))).Select(n => n.Name).ToHashSet();
        var done = new List<string>();
        // Nodes that were told to restart already and have not shown that they are well: nobody follows them before they have.
        var underWay = due.Where(n => n.Restarts && n.Name != self && manifest.ImageOf(n) == targets[n.Name]).Select(n => n.Name).ToList();
        if (underWay.Count > 0)
        {
            say($"{string.Join(", ", underWay)}: under way to {string.Join(", ", underWay.Select(n => targets[n]).Distinct())}");
            if (await WaitAsync(manifest, targets, underWay, new Dictionary<string, NodeStatus>(), cancellationToken).ConfigureAwait(false) is { Count: > 0 } failed) return failed;
            done.AddRange(underWay);
        }
        foreach (var batch in Batches([.. due.Select(n => n.Name).Where(n => status.ContainsKey(n) && n != self).Except(underWay)]))
        {
            await CommitAsync(m => m.WithAssigned(Only(targets, [.. batch, .. done]), batch.ToHashSet(), sound), cancellationToken).ConfigureAwait(false);
            say($"{string.Join(", ", batch)}: restarting with {string.Join(", ", batch.Select(n => targets[n]).Distinct())}");
            if (await WaitAsync(manifest, targets, batch, status, cancellationToken).ConfigureAwait(false) is { Count: > 0 } failed) return failed;
            done.AddRange(batch);
        }
        var restarts = due.Any(n => n.Name == self) ? new HashSet<string> { self } : Nobody;
        // Nobody but this node serves who could not show that the image runs, and this one needs somebody to boot from.
        var now = await ask(manifest, cancellationToken).ConfigureAwait(false);
        var isProven = manifest.Nodes.Count == 1 || targets.Values.Distinct().All(i => now.Any(s => s.Key != self && s.Value.State == "up" && s.Value.ImageVersion == i.ToString()));
        if (restarts.Count > 0 && !isProven) throw new FailureException($"no other node is up with {targets[self]}, which would show that it runs and could boot this node: power one on, and give the same command again");
        var last = await CommitAsync(m => m.WithAssigned(targets, restarts, sound) is var next && isProven ? next.Settled() : next, cancellationToken).ConfigureAwait(false);
        foreach (var silent in due.Where(n => !now.ContainsKey(n.Name))) say($"{silent.Name} does not answer: it starts {targets[silent.Name]} when it is powered on");
        if (last.Image != manifest.Image) say($"{last.Image} is the site's image now; nodes can go back with 'virtualinux image rollback'");
        if (restarts.Count > 0) say($"{self}: this node restarts now with {targets[self]}; look at it from another one");
        return [];
    }

    /// <summary>Commits, unless somebody else changed meanwhile who starts which image.</summary>
    private async Task<Manifest> CommitAsync(Func<Manifest, Manifest> change, CancellationToken cancellationToken) => _rules = await commit(
        m => m.Image == _rules!.Image && m.Nodes.Select(Start).SequenceEqual(_rules.Nodes.Select(Start)) ? change(m) : throw new FailureException("somebody else changed which node starts which image; look at 'virtualinux image list', and give the command again"),
        cancellationToken).ConfigureAwait(false);

    private static (string, ImageVersion?, ImageVersion?, bool) Start(ManifestNode node) => (node.Name, node.Image, node.Former, node.Restarts);

    private static HashSet<string> Restarting(Manifest manifest, IReadOnlyDictionary<string, ImageVersion> targets) => [.. manifest.Nodes.Where(n => n.Restarts && targets.ContainsKey(n.Name)).Select(n => n.Name)];

    /// <summary>Canaries alone, then batches, in the given order.</summary>
    internal IEnumerable<IReadOnlyList<string>> Batches(IReadOnlyList<string> nodes)
    {
        IEnumerable<IReadOnlyList<string>> canaries = nodes.Take(Canary).ToList() is { Count: > 0 } first ? [first] : [];
        return [.. canaries, .. nodes.Skip(Canary).Chunk(Batch)];
    }

    /// <summary>What is wrong with a node that shall run an image, or null when nothing is; an empty text while it is not known yet.</summary>
    /// <param name="before">What it said before it restarted; null when that is not known, and then no unit may have failed.</param>
    /// <param name="now">What it says now; null when it does not answer.</param>
    /// <param name="image">The image.</param>
    internal static string? Verdict(NodeStatus? before, NodeStatus? now, ImageVersion image)
    {
        if (now is not { State: "up", FailedUnits: { } failed } || now.BootId == before?.BootId || now.ImageVersion != image.ToString()) return "";
        if (now.Origin == OriginState.Corrupt) return $"its origin {image} is corrupt on the SAN";
        var fresh = failed.Except(before?.FailedUnits ?? []).ToList();
        return fresh.Count == 0 ? null : $"{string.Join(", ", fresh)} failed{(before is null ? "" : ", and did not before")}";
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
                var verdict = Verdict(before.GetValueOrDefault(name), now.GetValueOrDefault(name), targets[name]);
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
