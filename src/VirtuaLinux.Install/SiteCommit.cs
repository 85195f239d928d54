using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>Commits manifests of a running site from any of its nodes; all nodes take them over from the SAN.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="log">Takes a line.</param>
public sealed class SiteCommit(ICommandRunner runner, NodeStorage storage, Action<string> log)
{
    /// <summary>Commits the next manifest: what <paramref name="change"/> makes of the one that rules, with the next serial number. A power cut leaves the older one.</summary>
    /// <param name="change">The next state and manifest; the same ones for no change.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <returns>The manifest that rules now.</returns>
    /// <exception cref="FailureException">What <paramref name="change"/> says, or the SAN refused; nothing was committed.</exception>
    public async Task<Manifest> CommitAsync(Func<SanState, Manifest, (SanState State, Manifest Manifest)> change, CancellationToken cancellationToken = default)
    {
        Manifest? committed = null;
        await storage.WithLeaseAsync(async lease => committed = await CommitAsync(lease, change, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return committed!;
    }

    /// <inheritdoc cref="CommitAsync(Func{SanState, Manifest, ValueTuple{SanState, Manifest}}, CancellationToken)"/>
    /// <param name="lease">The lease, which the caller holds.</param>
    /// <param name="change">The next state and manifest.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    public async Task<Manifest> CommitAsync(SanLease lease, Func<SanState, Manifest, (SanState State, Manifest Manifest)> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(change);
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        var (nextState, nextManifest) = change(state, manifest);
        if (ReferenceEquals(state, nextState) && SignedManifest.SaySame(manifest, nextManifest with { Serial = manifest.Serial })) return manifest;
        var next = nextManifest with { Serial = manifest.Serial + 1 };
        var signed = StorageSteps.Next(nextState, next);
        // The commit comes last: a starter that knows the next manifest already asks the SAN all the same.
        if (ConcernsStarter((state, manifest), (nextState, next))) await new StarterPartition(runner, storage.Disk, log).WriteAsync(signed, cancellationToken).ConfigureAwait(false);
        await lease.RequireAsync(cancellationToken).ConfigureAwait(false);
        using (var partition = BlockDevice.Open(SanLayout.Partition(storage.Disk, 2), writable: true)) signed.Write(partition);
        SiteOnSan.Tell();
        return next;
    }

    /// <summary>Whether the EFI partition of the LUN must follow: it holds the site's kernel, a manifest in which each machine finds itself and the SAN, and the CHAP secret, which is in no manifest.</summary>
    internal static bool ConcernsStarter((SanState State, Manifest Manifest) one, (SanState State, Manifest Manifest) other)
    {
        static Manifest Seen(Manifest manifest) => manifest with { Serial = 0, Images = [], Nodes = [.. manifest.Nodes.Select(n => n with { Image = null, Former = null, Restarts = false })] };
        return one.State.ChapSecret != other.State.ChapSecret || !SignedManifest.SaySame(Seen(one.Manifest), Seen(other.Manifest));
    }
}
