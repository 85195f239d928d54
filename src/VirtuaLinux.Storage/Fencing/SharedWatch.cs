namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// Whether a node may serve the volume that all nodes share in the place of the one that did. The holder renews its lease; who gave it back, or does not renew it for a whole <paramref name="Patience"/> of this node's own clock, has lost it.
/// Time alone lets nobody write, though: what makes the change safe is that the boot which held the lease is ended by the array first. Where that cannot be done, somebody must have seen that the machine is off.
/// </summary>
/// <param name="Own">The key of this boot; with the boot count 0 on a SAN that can fence nobody.</param>
/// <param name="CanFence">Whether the SAN can fence.</param>
/// <param name="Patience">How long a lease lasts that is not renewed.</param>
public readonly record struct SharedWatch(ReservationKey Own, bool CanFence, TimeSpan Patience)
{
    /// <summary>The lease that is watched, since when it was seen unchanged, and whether its holder is registered.</summary>
    public (LeaseBlock Lease, bool IsIn, TimeSpan Since)? Unchanged { get; init; }

    /// <summary>What follows from a look.</summary>
    /// <param name="seen">Null when the SAN gave no answer.</param>
    /// <param name="began">When the look began, on this node's monotonic clock.</param>
    /// <param name="ended">When it ended.</param>
    public (SharedWatch Next, SharedVerdict Verdict) See(SharedSeen? seen, TimeSpan began, TimeSpan ended)
    {
        // A SAN that was away was away for the holder too, which must have its time to renew: a lost SAN is a pause. And who is fenced looks on.
        if (seen is null || ended - began > Patience / 3 || CanFence && !seen.Keys.Contains(Own)) return (this with { Unchanged = null }, new SharedVerdict.Wait());
        var (holder, isIn) = (seen.Lease.Holder, seen.Keys.Contains(seen.Lease.Holder));
        // A lease of this boot is that of this service before it was restarted.
        if (seen.Lease.IsFree || holder == Own) return Take(null);
        // One machine has one boot at a time; of another one, somebody has seen that it is off, or has fenced it.
        var isOver = holder.Node == Own.Node || holder.Node is { } node && seen.Fences.Nodes.Contains(node);
        if (!CanFence) return isOver ? Take(null) : (this, new SharedVerdict.Wait());
        if (isOver && !isIn) return Take(holder);
        if (Unchanged is not { } before || before.Lease != seen.Lease || before.IsIn != isIn) return (this with { Unchanged = (seen.Lease, isIn, ended) }, new SharedVerdict.Wait());
        return began - before.Since >= Patience ? Take(holder) : (this, new SharedVerdict.Wait());
    }

    private (SharedWatch, SharedVerdict) Take(ReservationKey? victim) => (this with { Unchanged = null }, new SharedVerdict.Take(victim));
}
