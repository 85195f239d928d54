using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Brings a running site to what a site file says, from any of its nodes: the next manifest is signed and committed on the SAN, and all nodes take it over from there.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="log">Takes a line.</param>
public sealed class SiteUpdate(ICommandRunner runner, NodeStorage storage, Action<string> log)
{
    /// <summary>What a site file would change, and what that takes of the volume group.</summary>
    /// <param name="site">The site file.</param>
    /// <param name="secret">The CHAP secret beside it; null where there is none, and the site keeps its own.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The site cannot be read, or what the file wants cannot be done while the site lives.</exception>
    public async Task<SiteChange> PlanAsync(Site site, string? secret, CancellationToken cancellationToken = default)
    {
        var (_, change) = await ReadAsync(site, secret, cancellationToken).ConfigureAwait(false);
        return change with { Space = NeedOf(change, await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false)) };
    }

    /// <summary>Commits the change that was planned. A power cut leaves the older manifest or the new one.</summary>
    /// <param name="site">The site file.</param>
    /// <param name="secret">The CHAP secret beside it, or null.</param>
    /// <param name="planned">What the administrator saw.</param>
    /// <param name="fromReserve">Whether volumes may take from the reserve.</param>
    /// <param name="untried">Whether a CHAP user and secret may be committed that no portal could be asked about.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <exception cref="FailureException">The site has changed meanwhile, a machine that is to be replaced or removed still runs, a portal does not lead to the site, the array does not know the user and secret, there is no room, or the SAN refused; nothing was committed.</exception>
    public Task ApplyAsync(Site site, string? secret, SiteChange planned, bool fromReserve, bool untried, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(planned);
        return storage.WithLeaseAsync(async lease =>
        {
            var (state, change) = await ReadAsync(site, secret, cancellationToken).ConfigureAwait(false);
            if (change.Current.Serial != planned.Current.Serial) throw new FailureException($"somebody else committed manifest {change.Current.Serial} meanwhile; look at the difference again");
            await SeeThatTheyAreGoneAsync([.. change.Replaced, .. change.Removed], cancellationToken).ConfigureAwait(false);
            await SeeThatTheyOfferAsync(change, cancellationToken).ConfigureAwait(false);
            if (change.ChangesLogin) await TryAsync(change.Wanted.San!, storage.Initiator, state.ChapSecret, untried, log, cancellationToken).ConfigureAwait(false);
            // Volumes without a manifest that names them, or larger than it says, harm nobody.
            await storage.ChangeAsync(lease, group =>
            {
                NeedOf(change, group).Require("the change", fromReserve);
                return NodeVolumes.AddNodes(group, [.. change.Wanted.Nodes.Select(n => n.Name)], change.Wanted.Volumes, storage.Lvm.DevicesOf(group));
            }, cancellationToken).ConfigureAwait(false);
            await new SiteCommit(runner, storage, log).CommitAsync(lease, (_, _) => (state, change.Wanted), cancellationToken).ConfigureAwait(false);
            foreach (var node in change.LetIn) await storage.Exclusion.UnfenceAsync(node.Cluster.Ip, CancellationToken.None).ConfigureAwait(false);
        }, cancellationToken);
    }

    /// <summary>Puts a new machine into the place of an old one: one card changes.</summary>
    /// <param name="name">Name of the node.</param>
    /// <param name="network">Name of the network that the card is on.</param>
    /// <param name="mac">The new card.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <returns>The node as it is now.</returns>
    /// <exception cref="FailureException">There is no such node, the card is another node's, or the old machine still runs; nothing was changed.</exception>
    public async Task<ManifestNode> ReplaceAsync(string name, string network, MacAddress mac, CancellationToken cancellationToken = default)
    {
        Manifest? committed = null;
        await storage.WithLeaseAsync(async lease =>
        {
            var (_, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
            var next = Replaced(manifest, name, network, mac);
            await SeeThatTheyAreGoneAsync([manifest.Nodes.First(n => n.Name == name)], cancellationToken).ConfigureAwait(false);
            committed = await new SiteCommit(runner, storage, log).CommitAsync(lease, (state, _) => (state, next), cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        var node = committed!.Nodes.First(n => n.Name == name);
        await storage.Exclusion.UnfenceAsync(node.Cluster.Ip, CancellationToken.None).ConfigureAwait(false);
        return node;
    }

    /// <summary>The manifest with another card for one node.</summary>
    /// <exception cref="FailureException">There is no such node or network, or the card is another node's.</exception>
    internal static Manifest Replaced(Manifest manifest, string name, string network, MacAddress mac)
    {
        var node = manifest.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new FailureException($"site {manifest.Name} has no node '{name}'");
        if (!node.Interfaces.TryGetValue(network, out var card)) throw new FailureException($"{name} is not on a network '{network}'; it is on {string.Join(", ", node.Interfaces.Keys)}");
        if (manifest.FindNode(mac) is { } owner && (owner.Name != name || node.Interfaces.Any(i => i.Key != network && i.Value.Mac == mac))) throw new FailureException($"{mac} is a card of {owner.Name} already");
        if (manifest.Refused.Contains(mac)) throw new FailureException($"{mac} is refused in the site file; take it out of refused: first");
        var changed = node with { Interfaces = node.Interfaces.ToDictionary(i => i.Key, i => i.Key == network ? card with { Mac = mac } : i.Value) };
        return manifest with { Nodes = [.. manifest.Nodes.Select(n => n.Name == name ? changed : n)] };
    }

    /// <summary>Two machines on one root would destroy it, and what nobody owns any more must not be written.</summary>
    /// <exception cref="FailureException">One of them may still run.</exception>
    private async Task SeeThatTheyAreGoneAsync(IReadOnlyList<ManifestNode> nodes, CancellationToken cancellationToken)
    {
        if (nodes.FirstOrDefault(n => n.Name == storage.Self.Name) is not null) throw new FailureException($"{storage.Self.Name} is the node that this runs on; do it from another one");
        await LiveNodes.SeeThatTheyAreGoneAsync(runner, storage.Lun, storage.Exclusion, storage.Key is not null, nodes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A portal that does not lead to the site would keep nodes from starting.</summary>
    private async Task SeeThatTheyOfferAsync(SiteChange change, CancellationToken cancellationToken)
    {
        foreach (var portal in change.NewPortals)
            if (!await storage.Transport.OffersAsync(portal, storage.Initiator, cancellationToken).ConfigureAwait(false))
                throw new FailureException($"san: portal {portal} does not offer target {change.Wanted.San!.Target} to this node; correct san.portals, or the array's access list");
    }

    /// <summary>Nodes that start with a user and a secret that the array does not know would not come up again.</summary>
    /// <param name="san">The SAN as the nodes will reach it.</param>
    /// <param name="initiator">This machine's name.</param>
    /// <param name="secret">The secret that they will have.</param>
    /// <param name="untried">Whether it may be that no portal can be asked.</param>
    /// <param name="log">Takes a line.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">A portal refuses them, or none could be asked.</exception>
    internal static async Task TryAsync(SiteSan san, string initiator, string? secret, bool untried, Action<string> log, CancellationToken cancellationToken)
    {
        var unknown = new List<string>();
        foreach (var portal in san.Portals)
            if (await ChapTrial.RunAsync(portal, san, initiator, secret, cancellationToken).ConfigureAwait(false) is { } reason) unknown.Add(reason);
        if (unknown.Count == san.Portals.Count && !untried)
            throw new FailureException($"whether the array knows the new CHAP user and secret could not be tried: {string.Join("; ", unknown)}; nothing was changed. Nodes that start with what it does not know do not come up: see on the array that it is right, and add --untried");
        foreach (var reason in unknown) log($"the new CHAP user and secret could not be tried at {reason}");
        if (unknown.Count < san.Portals.Count) log($"the array accepts {(san.Chap is { } chap ? $"CHAP user {chap.User} with the new secret" : "nodes without a CHAP user")}; no session was touched");
    }

    private static SpaceNeed NeedOf(SiteChange change, VolumeGroup group) => SpaceNeed.OfNodes(group, change.Wanted.Nodes.Select(n => n.Name), change.Wanted.Volumes);

    /// <summary>The site with the secret that it shall have, and the change.</summary>
    private async Task<(SanState State, SiteChange Change)> ReadAsync(Site site, string? secret, CancellationToken cancellationToken)
    {
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        if (site.Name != manifest.Name) throw new FailureException($"the file describes site '{site.Name}', and this is '{manifest.Name}'");
        var next = WithSecret(state, site, secret);
        var change = SiteChange.To(manifest, site, next.ChapSecret != state.ChapSecret);
        return change.Obstacle() is { } obstacle ? throw new FailureException(obstacle) : (next, change);
    }

    /// <summary>The site with the CHAP secret that lies beside a site file; without one there it keeps its own, and the same state is returned where nothing changes.</summary>
    /// <exception cref="FailureException">The file names a user, and there is no secret.</exception>
    internal static SanState WithSecret(SanState state, Site site, string? secret)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(site);
        var next = site.San?.Chap is { } chap ? secret ?? state.ChapSecret ?? throw new FailureException($"san.chap.secretFile: {chap.SecretFile} is not beside the site file, and the site has no secret yet; write it there") : null;
        return next == state.ChapSecret ? state : state with { ChapSecret = next };
    }
}
