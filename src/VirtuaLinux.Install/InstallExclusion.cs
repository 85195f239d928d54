using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>What keeps this machine and the nodes of the site from each other's writes while it installs or changes the site: its registration with the SAN, and the lease on the volumes.</summary>
public sealed class InstallExclusion(InstallContext context) : IAsyncDisposable
{
    // A node that lets its store grow holds the lease for seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ISharedDisk _lun = ISharedDisk.Of(context.Runner, context.Disk);
    private bool _hasEntered;
    private ReservationKey? _key;
    private SanLease? _lease;

    /// <summary>Registers as the node that this machine is, once.</summary>
    /// <exception cref="FailureException">The node is fenced, or the SAN refused.</exception>
    public async Task EnterAsync(CancellationToken cancellationToken = default)
    {
        if (_hasEntered) return;
        var exclusion = await ExclusionAsync(cancellationToken).ConfigureAwait(false);
        await exclusion.RefuseNewerAsync(cancellationToken).ConfigureAwait(false);
        Entered(await exclusion.EnterAsync(context.Self.Name, context.Self.Cluster.Ip, reserves: false, cancellationToken).ConfigureAwait(false));
        // Whatever is done next is not in a copy that another machine makes.
        if (!await exclusion.EndMoveAsync(_key, cancellationToken).ConfigureAwait(false)) return;
        await context.Runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", SanLayout.Partition(context.Disk, 2)), cancellationToken).ConfigureAwait(false);
        _ = NodeBoot.ReadSite(context.Disk); // it may have left before
        context.Console.Say(Exclusion.MoveEnded);
    }

    /// <summary>Registers for a LUN that is made anew, and shuts out whoever is left of what was on it.</summary>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public async Task TakeOverAsync(CancellationToken cancellationToken = default) => Entered(await new Exclusion(_lun).TakeOverAsync(context.Self.Cluster.Ip, cancellationToken).ConfigureAwait(false));

    /// <summary>Takes the place of a machine that began the installation and is gone.</summary>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public async Task ReplaceAsync(Ipv4Address holder, CancellationToken cancellationToken = default) =>
        await (await ExclusionAsync(cancellationToken).ConfigureAwait(false)).ReplaceAsync(_key, holder, cancellationToken).ConfigureAwait(false);

    /// <summary>Sees that nobody uses the volumes of nodes whose machines are replaced or taken out of the site; whose place this machine takes was shut out when it registered.</summary>
    /// <param name="manifest">The site as it is, which names them.</param>
    /// <param name="nodes">The nodes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">One of them runs, may run, or has its volumes in use on another one.</exception>
    public Task SeeThatTheyAreGoneAsync(Manifest manifest, IEnumerable<ManifestNode> nodes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return LiveNodes.SeeThatTheyAreGoneAsync(context.Runner, _lun, new Exclusion(_lun) { NameOf = manifest.NameOf }, _key is not null, [.. nodes.Where(n => n.Name != context.Self.Name)], cancellationToken);
    }

    /// <summary>Lets new machines boot in the place of those that were shut out.</summary>
    /// <exception cref="FailureException">Another node has begun to use a node's volumes, or the SAN refused.</exception>
    public async Task UnfenceAsync(IEnumerable<ManifestNode> nodes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var node in nodes) await new Exclusion(_lun).UnfenceAsync(node.Cluster.Ip, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes the lease, unless it is held.</summary>
    /// <exception cref="FailureException">A node keeps it.</exception>
    public async Task HoldAsync(CancellationToken cancellationToken = default) =>
        _lease ??= await SanLease.TakeAsync(_lun, _key ?? new ReservationKey(context.Self.Cluster.Ip, 0), context.Self.Name, Patience, cancellationToken: cancellationToken).ConfigureAwait(false);

    /// <summary>Gives the lease back, if it is held.</summary>
    public async Task ReleaseAsync()
    {
        if (_lease is not { } lease) return;
        _lease = null;
        await lease.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(ReleaseAsync());

    private async Task<Exclusion> ExclusionAsync(CancellationToken cancellationToken)
    {
        var luns = await SiteLun.AttachAsync(ISanTransport.Of(context.Runner, context.Site.San!), context.Disk, cancellationToken).ConfigureAwait(false);
        return new Exclusion(_lun, [.. luns.Skip(1).Select(l => ISharedDisk.Of(context.Runner, l.Disk))]);
    }

    private void Entered(ReservationKey? key)
    {
        (_hasEntered, _key) = (true, key);
        context.Console.Say(Exclusion.Describe(key));
    }
}
