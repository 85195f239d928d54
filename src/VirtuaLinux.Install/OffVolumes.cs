using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>
/// Reads what nodes that are off have left on their volumes, one node after the other. Meanwhile that is noted on the SAN: nobody deletes or writes the volumes, and a start of the node itself is found out.
/// So the lease on the volume group, without which no store of a running node grows, is held only until that is noted.
/// </summary>
/// <param name="exclusion">Who is in or out of the SAN.</param>
/// <param name="own">This machine's key.</param>
/// <param name="alone">Runs something while nobody else changes the volume group.</param>
/// <param name="open">Maps a node's volume and opens its files.</param>
/// <param name="close">Unmaps what is mapped.</param>
internal sealed class OffVolumes(Exclusion exclusion, ReservationKey own, Func<Func<Task>, CancellationToken, Task> alone, Func<ManifestNode, CancellationToken, Task<Stream>> open, Func<Task> close)
{
    private ManifestNode? _present;

    /// <summary>The files of a node; that of the one before has ended (<see cref="EndAsync"/>).</summary>
    /// <exception cref="FailureException">It is not off, or another node uses its volumes.</exception>
    public async Task<Stream> OpenAsync(ManifestNode node, CancellationToken cancellationToken = default)
    {
        await alone(() => exclusion.BorrowAsync(own, node.Cluster.Ip, BorrowKind.Read, cancellationToken), cancellationToken).ConfigureAwait(false);
        _present = node;
        return await open(node, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the reading of the node that is open, if one is.</summary>
    /// <exception cref="FailureException">It has started meanwhile.</exception>
    public async Task EndAsync()
    {
        if (_present is { } node && !await CloseAsync().ConfigureAwait(false)) throw new FailureException($"{node.Name} started while its volume was read; make the backup again");
    }

    /// <summary>Lets go of whatever is mapped.</summary>
    /// <returns>Whether its node stayed off until now.</returns>
    public async Task<bool> CloseAsync()
    {
        await close().ConfigureAwait(false);
        if (_present is not { } node) return true;
        _present = null;
        return await exclusion.ReturnAsync(own, node.Cluster.Ip).ConfigureAwait(false);
    }
}
