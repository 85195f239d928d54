using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>Brings a running site to what a site file says, from any of its nodes: the next manifest is signed and committed on the SAN, and all nodes take it over from there.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="log">Takes a line.</param>
public sealed class SiteUpdate(ICommandRunner runner, NodeStorage storage, Action<string> log)
{
    /// <summary>What a site file would change.</summary>
    /// <exception cref="FailureException">The site cannot be read, or what the file wants cannot be done while the site lives.</exception>
    public async Task<SiteChange> PlanAsync(Site site, CancellationToken cancellationToken = default) => (await ReadAsync(site, cancellationToken).ConfigureAwait(false)).Change;

    /// <summary>Commits the change that was planned. A power cut leaves the older manifest or the new one.</summary>
    /// <param name="site">The site file.</param>
    /// <param name="planned">What the administrator saw.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <exception cref="FailureException">The site has changed meanwhile, a machine that is to be replaced still answers, or the SAN refused; nothing was committed.</exception>
    public Task ApplyAsync(Site site, SiteChange planned, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(planned);
        return storage.WithLeaseAsync(async lease =>
        {
            var (state, change) = await ReadAsync(site, cancellationToken).ConfigureAwait(false);
            if (change.Current.Serial != planned.Current.Serial) throw new FailureException($"somebody else committed manifest {change.Current.Serial} meanwhile; look at the difference again");
            var alive = await LiveNodes.FindAsync(runner, change.Replaced, cancellationToken).ConfigureAwait(false);
            if (alive.Count > 0) throw new FailureException($"{string.Join(", ", alive)} still answers; switch the old machine off before another takes its place");
            // The commit comes last: volumes without a manifest that names them harm nobody, and the starter asks the manifest on the SAN all the same.
            await storage.ChangeAsync(lease, group => NodeVolumes.AddNodes(group, [.. change.Wanted.Nodes.Select(n => n.Name)], change.Wanted.Volumes, storage.Lvm.DevicesOf(group)), cancellationToken).ConfigureAwait(false);
            var next = StorageSteps.Next(state, change.Wanted);
            await new StarterPartition(runner, storage.Disk, log).WriteAsync(next, cancellationToken).ConfigureAwait(false);
            await lease.RequireAsync(cancellationToken).ConfigureAwait(false);
            using var partition = BlockDevice.Open(SanLayout.Partition(storage.Disk, 2), writable: true);
            next.Write(partition);
        }, cancellationToken);
    }

    private async Task<(SanState State, SiteChange Change)> ReadAsync(Site site, CancellationToken cancellationToken)
    {
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        if (site.Name != manifest.Name) throw new FailureException($"the file describes site '{site.Name}', and this is '{manifest.Name}'");
        var change = SiteChange.To(manifest, site);
        return change.Obstacle() is { } obstacle ? throw new FailureException(obstacle) : (state, change);
    }
}
