using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// The right to change the volume group, held by one node at a time. It needs no majority and no clock: who holds it keeps it until it gives it back, is fenced, or boots again.
/// On one node, callers take turns before they ask for it.
/// </summary>
public sealed class SanLease : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly ISharedDisk _disk;
    private byte[] _held;

    private SanLease(ISharedDisk disk, byte[] held) => (_disk, _held) = (disk, held);

    /// <summary>Takes the lease, and waits for another node that has it.</summary>
    /// <param name="disk">The site's LUN.</param>
    /// <param name="key">The key of this boot; with the boot count 0 on a SAN that can fence nobody.</param>
    /// <param name="name">Name of this node.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="time">The clock of the pauses.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">Another node keeps it.</exception>
    public static async Task<SanLease> TakeAsync(ISharedDisk disk, ReservationKey key, string name, TimeSpan patience, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(disk);
        time ??= TimeProvider.System;
        var canFence = await disk.CanFenceAsync(cancellationToken).ConfigureAwait(false);
        var began = time.GetTimestamp();
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Lease, cancellationToken).ConfigureAwait(false);
            var lease = Read(old);
            if (lease.IsFree || lease.Holder.Node == key.Node || canFence && await HasBootedAgainAsync(disk, lease.Holder, cancellationToken).ConfigureAwait(false))
            {
                var next = new LeaseBlock(lease.Count + 1, key, name).ToBytes(old.Length);
                if (await disk.ReplaceBlockAsync(SharedBlock.Lease, old, next, cancellationToken).ConfigureAwait(false)) return new SanLease(disk, next);
            }
            else if (time.GetElapsedTime(began) >= patience)
            {
                throw new FailureException($"{lease.Name} is changing the volume group and does not come to an end; if it is dead, shut it out with 'virtualinux node fence {lease.Name}' and try again");
            }
            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the lease from a node that is shut out, or whose boot that held it is over.</summary>
    public static Task FreeAsync(ISharedDisk disk, Ipv4Address holder, CancellationToken cancellationToken) => FreeAsync(disk, k => k.Node == holder, cancellationToken);

    /// <summary>Takes the lease from one boot of a node that is shut out.</summary>
    public static Task FreeAsync(ISharedDisk disk, ReservationKey holder, CancellationToken cancellationToken) => FreeAsync(disk, k => k == holder, cancellationToken);

    private static async Task FreeAsync(ISharedDisk disk, Func<ReservationKey, bool> isHolder, CancellationToken cancellationToken)
    {
        while (true)
        {
            var old = await disk.ReadBlockAsync(SharedBlock.Lease, cancellationToken).ConfigureAwait(false);
            var lease = Read(old);
            if (!isHolder(lease.Holder)) return;
            if (await disk.ReplaceBlockAsync(SharedBlock.Lease, old, new LeaseBlock(lease.Count + 1, default, "").ToBytes(old.Length), cancellationToken).ConfigureAwait(false)) return;
        }
    }

    /// <summary>Whether this lease is still held: to be asked right before a change is committed.</summary>
    public async Task<bool> IsHeldAsync(CancellationToken cancellationToken = default) =>
        (await _disk.ReadBlockAsync(SharedBlock.Lease, cancellationToken).ConfigureAwait(false)).AsSpan().SequenceEqual(_held);

    /// <summary>To be called right before a change is committed.</summary>
    /// <exception cref="FailureException">The lease is no longer held.</exception>
    public async Task RequireAsync(CancellationToken cancellationToken = default)
    {
        if (!await IsHeldAsync(cancellationToken).ConfigureAwait(false)) throw new FailureException("the lease on the site's volumes was taken away; nothing was changed");
    }

    /// <summary>Changes the volume group, as the only node that does so.</summary>
    /// <param name="read">Reads it.</param>
    /// <param name="change">The next group, or the same one for no change; what it must write before the commit (such as zeros) it may write.</param>
    /// <param name="commit">Commits the next group; it is not ended once it began.</param>
    /// <param name="cancellationToken">Ends it before the commit.</param>
    /// <returns>The group that rules now.</returns>
    /// <exception cref="FailureException">The lease is no longer held, and nothing was changed; or the SAN refused.</exception>
    public async Task<VolumeGroup> ChangeAsync(Func<CancellationToken, Task<VolumeGroup>> read, Func<VolumeGroup, VolumeGroup> change, Func<VolumeGroup, CancellationToken, Task> commit, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(change);
        ArgumentNullException.ThrowIfNull(commit);
        var group = await read(cancellationToken).ConfigureAwait(false);
        var next = change(group);
        if (ReferenceEquals(next, group)) return group;
        await RequireAsync(cancellationToken).ConfigureAwait(false);
        await commit(next, CancellationToken.None).ConfigureAwait(false);
        return await read(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Gives the lease back; one that was taken away stays where it is.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_held.Length == 0) return;
        var lease = Read(_held);
        await _disk.ReplaceBlockAsync(SharedBlock.Lease, _held, new LeaseBlock(lease.Count + 1, default, "").ToBytes(_held.Length)).ConfigureAwait(false);
        _held = [];
    }

    /// <summary>Whether the holder's key is gone and its node has another one: the boot that held the lease is over.</summary>
    internal static async Task<bool> HasBootedAgainAsync(ISharedDisk disk, ReservationKey holder, CancellationToken cancellationToken)
    {
        var keys = await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false);
        return !keys.Contains(holder) && keys.Any(k => k.Node == holder.Node);
    }

    private static LeaseBlock Read(byte[] block) =>
        LeaseBlock.TryRead(block, out var lease) ? lease : throw UnreadableBlock.Failure(SharedBlock.Lease, block);
}
