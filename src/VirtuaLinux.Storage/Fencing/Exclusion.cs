using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// Keeps a volume from being written by two machines: each registers a key of its boot before it maps anything, and who is fenced loses its key for good.
/// A node is noted as fenced before its key is taken, and a node that boots looks for that note before and after it registers: whichever way the two meet, it stays out.
/// </summary>
/// <param name="disk">The site's first LUN, which has the note and the lease.</param>
/// <param name="others">The further LUNs of its volume group: who is in or out of the first one is so there too.</param>
public sealed partial class Exclusion(ISharedDisk disk, params IReadOnlyList<ISharedDisk> others)
{
    /// <summary>Registers this machine as a node, and shuts out whoever is registered as that node: an older boot, or a machine that was replaced.</summary>
    /// <param name="name">Name of the node.</param>
    /// <param name="node">Its address.</param>
    /// <param name="reserves">Whether only registered machines may write from now on. A node reserves when all nodes of its image register; an installer never does.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The key; null on a SAN that can fence nobody.</returns>
    /// <exception cref="FailureException">The node is fenced, or the SAN refused.</exception>
    public async Task<ReservationKey?> EnterAsync(string name, Ipv4Address node, bool reserves, CancellationToken cancellationToken = default)
    {
        await RefuseFencedAsync(name, node, cancellationToken).ConfigureAwait(false);
        if (!await disk.CanFenceAsync(cancellationToken).ConfigureAwait(false))
        {
            await SanLease.FreeAsync(disk, node, cancellationToken).ConfigureAwait(false);
            await FreeBorrowsOfBootAsync().ConfigureAwait(false);
            return null;
        }
        var known = new List<ReservationKey>();
        foreach (var lun in (ISharedDisk[])[disk, .. others]) known.AddRange(await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false));
        // A lease that an older boot left behind must not look like one of this boot, whose key is gone by now.
        if (LeaseBlock.TryRead(await disk.ReadBlockAsync(SharedBlock.Serving, cancellationToken).ConfigureAwait(false), out var serving)) known.Add(serving.Holder);
        var key = ReservationKey.Next(node, known, (await ReadFencesAsync(cancellationToken).ConfigureAwait(false)).Count);
        foreach (var lun in (ISharedDisk[])[disk, .. others]) await RegisterAsync(lun, name, node, key, reserves, cancellationToken).ConfigureAwait(false);
        // What an older boot of this node was changing when it ended, nobody changes any more.
        await SanLease.FreeAsync(disk, node, cancellationToken).ConfigureAwait(false);
        await FreeBorrowsOfBootAsync().ConfigureAwait(false);
        return key;

        // Nor does an older boot use other nodes' volumes; and who reads those of this node, which is about to write, must see that.
        Task FreeBorrowsOfBootAsync() => FreeBorrowsAsync(b => b.Holder.Node == node || b.Node == node && b.Kind is BorrowKind.Read, cancellationToken);
    }

    /// <summary>Registers a running node on those further LUNs where it is not yet: its volumes may grow onto them.</summary>
    /// <param name="name">Name of the node.</param>
    /// <param name="key">The key of its boot.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The node was fenced, or the SAN refused.</exception>
    public async Task JoinAsync(string name, ReservationKey key, CancellationToken cancellationToken = default)
    {
        foreach (var lun in others)
        {
            if ((await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(key)) continue;
            if (!(await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(key)) throw new FailureException($"{name} is not registered with the first LUN of its site any more: it was fenced, or another machine took its place");
            await RegisterAsync(lun, name, key.Node!.Value, key, reserves: true, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Who cannot read what the nodes of a newer release tell each other does not come between them: to be called before <see cref="EnterAsync"/>, which writes. A damaged block is told by whoever needs it.</summary>
    /// <exception cref="FailureException">A newer release wrote one of the shared blocks; nothing was changed.</exception>
    public async Task RefuseNewerAsync(CancellationToken cancellationToken = default)
    {
        foreach (var block in Enum.GetValues<SharedBlock>())
            if (await disk.ReadBlockAsync(block, cancellationToken).ConfigureAwait(false) is var bytes && UnreadableBlock.NewerFormat(block, bytes) is not null) throw UnreadableBlock.Failure(block, bytes);
    }

    private async Task RegisterAsync(ISharedDisk lun, string name, Ipv4Address node, ReservationKey key, bool reserves, CancellationToken cancellationToken)
    {
        await lun.RegisterAsync(key, cancellationToken).ConfigureAwait(false);
        await RefuseAsync().ConfigureAwait(false);
        if (reserves) await lun.ReserveAsync(key, cancellationToken).ConfigureAwait(false);
        if (await ShutOutAsync(lun, key, k => k.Node == node, cancellationToken).ConfigureAwait(false)) await RefuseAsync().ConfigureAwait(false);

        async Task RefuseAsync()
        {
            try
            {
                await RefuseFencedAsync(name, node, cancellationToken).ConfigureAwait(false);
            }
            catch (FailureException)
            {
                await lun.RegisterAsync(default, cancellationToken).ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Registers this machine on a LUN that is to be made anew, and shuts everybody else out: a machine of an older site that hangs must not wake up in the new one.</summary>
    /// <returns>The key; null on a SAN that can fence nobody.</returns>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public async Task<ReservationKey?> TakeOverAsync(Ipv4Address node, CancellationToken cancellationToken = default)
    {
        if (!await disk.CanFenceAsync(cancellationToken).ConfigureAwait(false)) return null;
        var key = ReservationKey.Next(node, await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false), count: 0);
        await disk.RegisterAsync(key, cancellationToken).ConfigureAwait(false);
        await ShutOutAsync(disk, key, _ => true, cancellationToken).ConfigureAwait(false);
        return key;
    }

    /// <returns>Whether this machine registered anew.</returns>
    private static async Task<bool> ShutOutAsync(ISharedDisk lun, ReservationKey own, Func<ReservationKey, bool> isOut, CancellationToken cancellationToken)
    {
        var others = (await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Where(k => k != own && isOut(k)).ToList();
        // Those of this machine's own name first: who is not counted as registered any more shuts out nobody.
        var isAnew = false;
        foreach (var other in others.OrderBy(k => k.Node != own.Node))
        {
            await lun.PreemptAsync(own, other, cancellationToken).ConfigureAwait(false);
            if (other.Node == own.Node) isAnew |= await lun.ConfirmAsync(own, cancellationToken).ConfigureAwait(false);
        }
        return isAnew;
    }

    /// <summary>What <see cref="EnterAsync"/> came to, in a line for people.</summary>
    public static string Describe(ReservationKey? key) => key is { } own
        ? $"registered with the SAN under key {own}"
        : "this SAN can shut nobody out (it has no persistent reservations that last, or is reached over NVMe/TCP, where none are used): a node that hangs cannot be fenced, only powered off";

    /// <summary>Shuts a node out. When this returns, nothing that it still sends is written, and it does not boot until <see cref="UnfenceAsync"/>.</summary>
    /// <param name="own">This machine's key; null on a SAN that can fence nobody, where somebody must have powered the node off.</param>
    /// <param name="victim">The node's address.</param>
    /// <param name="present">Addresses of the site's nodes, where they are known (<see cref="FenceBlock.With"/>).</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The SAN refused: perhaps this machine was fenced itself.</exception>
    public async Task FenceAsync(ReservationKey? own, Ipv4Address victim, IReadOnlyCollection<Ipv4Address>? present = null, CancellationToken cancellationToken = default)
    {
        await NoteAsync(victim, isFenced: true, present, cancellationToken).ConfigureAwait(false);
        await ReplaceAsync(own, victim, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes a machine's key and its lease, and lets it boot: another one goes on with what it began.</summary>
    /// <param name="own">This machine's key; null on a SAN that can fence nobody.</param>
    /// <param name="victim">The machine's address.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public async Task ReplaceAsync(ReservationKey? own, Ipv4Address victim, CancellationToken cancellationToken = default)
    {
        // Who is not in on the first LUN any more is refused there, and does not get to the others.
        if (own is { } key)
        {
            // A later boot gets another key than the one that is taken here, and an array that loses its registrations does not let the victim in again (KeyWatch).
            await CountAsync(cancellationToken).ConfigureAwait(false);
            await PreemptAsync(disk, key, victim, cancellationToken).ConfigureAwait(false);
            foreach (var lun in others)
            {
                var keys = await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false);
                if (keys.Any(k => k.Node == victim) && !keys.Contains(key)) await lun.RegisterAsync(key, cancellationToken).ConfigureAwait(false);
                await PreemptAsync(lun, key, victim, cancellationToken).ConfigureAwait(false);
            }
        }
        await FreeBorrowsAsync(b => b.Holder.Node == victim, cancellationToken).ConfigureAwait(false);
        await SanLease.FreeAsync(disk, victim, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends one boot of a node: when this returns, nothing that it still sends is written. The node can boot anew.</summary>
    /// <param name="own">This machine's key.</param>
    /// <param name="boot">The key of that boot.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The SAN refused: perhaps this machine was fenced itself.</exception>
    public async Task EndBootAsync(ReservationKey own, ReservationKey boot, CancellationToken cancellationToken = default)
    {
        do
        {
            foreach (var lun in (ISharedDisk[])[disk, .. others])
            {
                if (lun != disk && !(await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(own)) await lun.RegisterAsync(own, cancellationToken).ConfigureAwait(false);
                // That the key is gone keeps nobody out of a LUN that lost its reservation with it.
                await lun.ReserveAsync(own, cancellationToken).ConfigureAwait(false);
                while ((await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(boot)) await lun.PreemptAsync(own, boot, cancellationToken).ConfigureAwait(false);
            }
            // Of an array that loses its registrations, who sees that nobody was shut out since it was in registers again (KeyWatch): it must see this, or be seen here.
            await CountAsync(cancellationToken).ConfigureAwait(false);
        }
        while ((await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(boot));
        await SanLease.FreeAsync(disk, boot, cancellationToken).ConfigureAwait(false);
    }

    private static async Task PreemptAsync(ISharedDisk lun, ReservationKey own, Ipv4Address victim, CancellationToken cancellationToken)
    {
        while ((await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(k => k.Node == victim) is { Value: not 0 } taken)
            await lun.PreemptAsync(own, taken, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets a node in again: it can boot.</summary>
    /// <exception cref="FailureException">Another node writes its volumes (<see cref="BorrowAsync"/>), or the SAN refused.</exception>
    public Task UnfenceAsync(Ipv4Address node, CancellationToken cancellationToken = default) => NoteAsync(node, isFenced: false, present: null, cancellationToken);

    /// <summary>Whether the SAN knows a machine of that address: it is registered with a LUN, or noted as fenced.</summary>
    /// <exception cref="FailureException">The SAN refused, or the list of fenced nodes is damaged.</exception>
    public async Task<bool> KnowsAsync(Ipv4Address node, CancellationToken cancellationToken = default) =>
        (await ReadFencesAsync(cancellationToken).ConfigureAwait(false)).Nodes.Contains(node) || await IsRegisteredAsync(node, cancellationToken).ConfigureAwait(false);

    /// <summary>Which nodes are fenced.</summary>
    /// <exception cref="FailureException">The block is damaged.</exception>
    public async Task<FenceBlock> ReadFencesAsync(CancellationToken cancellationToken = default) => Read(await disk.ReadBlockAsync(SharedBlock.Fences, cancellationToken).ConfigureAwait(false));

    private static FenceBlock Read(byte[] block) =>
        FenceBlock.TryRead(block, out var fences) ? fences : throw UnreadableBlock.Failure(SharedBlock.Fences, block);

    /// <summary>What is said where <see cref="EndMoveAsync"/> ended one.</summary>
    public const string MoveEnded = "the site was being copied to another array, and this start ended that: the copy has to be made anew";

    /// <summary>Which copy of the site to another array is under way; the empty identifier for none.</summary>
    /// <exception cref="FailureException">The block is damaged.</exception>
    public async Task<MoveBlock> ReadMoveAsync(CancellationToken cancellationToken = default) => ReadMove(await disk.ReadBlockAsync(SharedBlock.Move, cancellationToken).ConfigureAwait(false));

    /// <summary>Notes that this machine copies the site to another array. Whoever did so before is shut out.</summary>
    /// <param name="own">This machine's key; null on a SAN that can fence nobody.</param>
    /// <param name="copy">What the copy is known by.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public Task BeginMoveAsync(ReservationKey? own, Guid copy, CancellationToken cancellationToken = default) => ReplaceMoveAsync(own, new MoveBlock(own ?? default, copy), cancellationToken);

    /// <summary>Ends a copy of the site to another array, since the one that it is made from is about to change: to be called by whoever has entered, before anything is mapped. Whoever copies cannot let the site leave then.</summary>
    /// <param name="own">This machine's key; null on a SAN that can fence nobody.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Whether there was one. The site may have left right before: its state has to be read again.</returns>
    /// <exception cref="FailureException">The SAN refused.</exception>
    public Task<bool> EndMoveAsync(ReservationKey? own, CancellationToken cancellationToken = default) => ReplaceMoveAsync(own, default, cancellationToken);

    private async Task<bool> ReplaceMoveAsync(ReservationKey? own, MoveBlock next, CancellationToken cancellationToken)
    {
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Move, cancellationToken).ConfigureAwait(false);
            var present = ReadMove(old);
            if (present == next) return false;
            if (own is { } key && present.Mover != key && (await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(present.Mover)) await disk.PreemptAsync(key, present.Mover, cancellationToken).ConfigureAwait(false);
            if (await disk.ReplaceBlockAsync(SharedBlock.Move, old, next.ToBytes(old.Length), cancellationToken).ConfigureAwait(false)) return true;
        }
    }

    private static MoveBlock ReadMove(byte[] block) =>
        MoveBlock.TryRead(block, out var move) ? move : throw UnreadableBlock.Failure(SharedBlock.Move, block);

    private async Task RefuseFencedAsync(string name, Ipv4Address node, CancellationToken cancellationToken)
    {
        if ((await ReadFencesAsync(cancellationToken).ConfigureAwait(false)).Nodes.Contains(node))
            throw new FailureException($"{name} is fenced: it was shut out of the SAN, and another node may be using its volumes; when that is over, let it in again with 'virtualinux node unfence {name}' on a running node");
        // A release that does not know of borrowed volumes lets it in all the same.
        await RefuseBorrowedAsync(node, cancellationToken).ConfigureAwait(false);
    }

    private Task CountAsync(CancellationToken cancellationToken) => NoteAsync(fences => fences with { Count = fences.Count + 1 }, cancellationToken);

    private Task NoteAsync(Ipv4Address node, bool isFenced, IReadOnlyCollection<Ipv4Address>? present, CancellationToken cancellationToken) =>
        NoteAsync(fences => fences.Nodes.Contains(node) == isFenced ? fences : fences.With(node, isFenced, present), cancellationToken);

    private async Task NoteAsync(Func<FenceBlock, FenceBlock> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Fences, cancellationToken).ConfigureAwait(false);
            var fences = Read(old);
            var next = change(fences);
            // Read after the list, which is replaced only if nobody has borrowed anything of a fenced node since.
            foreach (var node in fences.Nodes.Except(next.Nodes)) await RefuseBorrowedAsync(node, cancellationToken).ConfigureAwait(false);
            if (ReferenceEquals(next, fences) || await disk.ReplaceBlockAsync(SharedBlock.Fences, old, next.ToBytes(old.Length), cancellationToken).ConfigureAwait(false)) return;
        }
    }
}
