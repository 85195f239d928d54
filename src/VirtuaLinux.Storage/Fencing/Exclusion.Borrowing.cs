using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

public sealed partial class Exclusion
{
    /// <summary>What people call the node that has an address.</summary>
    public Func<Ipv4Address, string> NameOf { get; init; } = address => address.ToString();

    /// <summary>
    /// Notes that this machine is about to map another node's volumes, which one machine does at a time: to be called before.
    /// Who writes must find the node fenced after that, and who lets it in (<see cref="UnfenceAsync"/>) nobody noted: whichever way the two meet, one of them is refused. Who reads learns from <see cref="ReturnAsync"/> whether the node stayed off.
    /// </summary>
    /// <param name="own">This machine's key; with the boot count 0 on a SAN that can fence nobody.</param>
    /// <param name="node">The node that the volumes belong to.</param>
    /// <param name="kind">What they are mapped for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">They are in use, or the node may use them itself; nothing is noted.</exception>
    public async Task BorrowAsync(ReservationKey own, Ipv4Address node, BorrowKind kind, CancellationToken cancellationToken = default)
    {
        var borrow = new Borrow(node, own, kind);
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Borrows, cancellationToken).ConfigureAwait(false);
            var borrows = ReadBorrows(old);
            // A reader that was broken off begins anew.
            if (borrows.Borrows.FirstOrDefault(b => b.Node == node) is { Holder.Value: not 0 } present && !(kind is BorrowKind.Read && present == borrow) && !await IsOverAsync(present, cancellationToken).ConfigureAwait(false)) throw InUse(present);
            if (await disk.ReplaceBlockAsync(SharedBlock.Borrows, old, borrows.With(borrow).ToBytes(old.Length), cancellationToken).ConfigureAwait(false)) break;
        }
        try
        {
            if (kind is BorrowKind.Write) await RequireFencedAsync(node, cancellationToken).ConfigureAwait(false);
            if (await IsRegisteredAsync(node, cancellationToken).ConfigureAwait(false)) throw new FailureException($"{NameOf(node)} is registered with the SAN and may write its volumes; shut it out with 'virtualinux node fence {NameOf(node)}'");
        }
        catch
        {
            await FreeBorrowsAsync(b => b == borrow, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Notes that this machine has unmapped a node's volumes.</summary>
    /// <returns>Whether they were its own all the time: false when it had not borrowed them, or the node has started since.</returns>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public async Task<bool> ReturnAsync(ReservationKey own, Ipv4Address node, CancellationToken cancellationToken = default)
    {
        // A release that does not know of borrowed volumes starts without a word.
        var isOff = !await IsRegisteredAsync(node, cancellationToken).ConfigureAwait(false);
        return await FreeBorrowsAsync(b => b.Node == node && b.Holder == own, cancellationToken).ConfigureAwait(false) && isOff;
    }

    /// <summary>Refuses what must not be done to volumes that another node uses.</summary>
    /// <param name="concerns">Which use of volumes is in the way.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">There is one: who it is, and how to end it.</exception>
    public async Task RefuseBorrowedAsync(Func<Borrow, bool> concerns, CancellationToken cancellationToken = default)
    {
        foreach (var borrow in ReadBorrows(await disk.ReadBlockAsync(SharedBlock.Borrows, cancellationToken).ConfigureAwait(false)).Borrows.Where(concerns))
            if (!await IsOverAsync(borrow, cancellationToken).ConfigureAwait(false)) throw InUse(borrow);
    }

    /// <summary>Refuses when another node writes the volumes of this one.</summary>
    /// <exception cref="FailureException">It does.</exception>
    public Task RefuseBorrowedAsync(Ipv4Address node, CancellationToken cancellationToken = default) => RefuseBorrowedAsync(b => b.Node == node && b.Kind is not BorrowKind.Read, cancellationToken);

    /// <summary>The list is changed although it says the same: whoever has read it and is about to let the node in has to read the borrowed volumes again.</summary>
    private async Task RequireFencedAsync(Ipv4Address node, CancellationToken cancellationToken)
    {
        var isFenced = false;
        await NoteAsync(fences => (isFenced = fences.Nodes.Contains(node)) ? fences with { Count = fences.Count + 1 } : fences, cancellationToken).ConfigureAwait(false);
        if (!isFenced) throw new FailureException($"{NameOf(node)} is not fenced, and may use its volumes; shut it out first with 'virtualinux node fence {NameOf(node)}'");
    }

    private async Task<bool> IsRegisteredAsync(Ipv4Address node, CancellationToken cancellationToken)
    {
        if (!await disk.CanFenceAsync(cancellationToken).ConfigureAwait(false)) return false;
        foreach (var lun in (ISharedDisk[])[disk, .. others])
            if ((await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Any(k => k.Node == node)) return true;
        return false;
    }

    /// <summary>Whether the boot that used the volumes is over, as it is of a lease (<see cref="SanLease"/>).</summary>
    private async Task<bool> IsOverAsync(Borrow borrow, CancellationToken cancellationToken) =>
        borrow.Holder.Boot > 0 && await SanLease.HasBootedAgainAsync(disk, borrow.Holder, cancellationToken).ConfigureAwait(false);

    private async Task<bool> FreeBorrowsAsync(Func<Borrow, bool> isOver, CancellationToken cancellationToken)
    {
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Borrows, cancellationToken).ConfigureAwait(false);
            var borrows = ReadBorrows(old);
            if (!borrows.Borrows.Any(isOver)) return false;
            if (await disk.ReplaceBlockAsync(SharedBlock.Borrows, old, borrows.Without(isOver).ToBytes(old.Length), cancellationToken).ConfigureAwait(false)) return true;
        }
    }

    private FailureException InUse(Borrow borrow)
    {
        var (node, holder) = (NameOf(borrow.Node), borrow.Holder.Node is { } address ? NameOf(address) : borrow.Holder.ToString());
        var use = borrow.Kind is BorrowKind.Read ? $"a backup on {holder} reads the volumes of {node}; wait for its end, or if it was broken off, give" : $"the volumes of {node} are in use on {holder}; give";
        return new FailureException($"{use} 'virtualinux node unmount {node}' there, or if {holder} is dead, 'virtualinux node fence {holder}'");
    }

    private static BorrowBlock ReadBorrows(byte[] block) =>
        BorrowBlock.TryRead(block, out var borrows) ? borrows : throw UnreadableBlock.Failure(SharedBlock.Borrows, block);
}
