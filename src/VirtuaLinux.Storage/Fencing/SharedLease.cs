using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The right to serve the volume that all nodes share, as a block of the LUN that its holder renews.</summary>
/// <param name="disk">The site's first LUN.</param>
/// <param name="own">The key of this boot; with the boot count 0 on a SAN that can fence nobody.</param>
/// <param name="name">Name of this node.</param>
/// <param name="time">The clock.</param>
public sealed class SharedLease(ISharedDisk disk, ReservationKey own, string name, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private byte[] _held = [];
    private long _renewed;

    /// <summary>How long ago the last renewal was begun: from then on others count.</summary>
    public TimeSpan Age => _time.GetElapsedTime(Volatile.Read(ref _renewed));

    /// <summary>Looks who has it.</summary>
    /// <exception cref="FailureException">The SAN gave no answer, or a block is damaged.</exception>
    public static async Task<SharedSeen> LookAsync(ISharedDisk disk, bool canFence, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var block = await disk.ReadBlockAsync(SharedBlock.Serving, cancellationToken).ConfigureAwait(false);
        var fences = await new Exclusion(disk).ReadFencesAsync(cancellationToken).ConfigureAwait(false);
        return new SharedSeen(block, Read(block), canFence ? await disk.ReadKeysAsync(cancellationToken).ConfigureAwait(false) : [], fences);
    }

    /// <summary>Takes it from whoever had it when it was looked at. A boot that must be ended is ended before.</summary>
    /// <returns>False when it is not as it was seen: somebody else was faster, or the holder has renewed it.</returns>
    /// <exception cref="FailureException">The SAN refused, or gave no answer.</exception>
    public async Task<bool> TakeAsync(SharedSeen seen, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var since = seen.Lease.Holder == own && seen.Lease.Since > 0 ? seen.Lease.Since : _time.GetUtcNow().ToUnixTimeSeconds();
        return await ReplaceAsync(seen.Block, new LeaseBlock(seen.Lease.Count + 1, own, name, since), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Renews it.</summary>
    /// <returns>False when somebody else has it.</returns>
    /// <exception cref="FailureException">The SAN refused, or gave no answer: it may or may not be renewed.</exception>
    public Task<bool> RenewAsync(CancellationToken cancellationToken = default)
    {
        var lease = Read(_held);
        return ReplaceAsync(_held, lease with { Count = lease.Count + 1 }, cancellationToken);
    }

    /// <summary>Gives it back, once nothing of the volume is in use here.</summary>
    /// <exception cref="FailureException">The SAN refused, or gave no answer.</exception>
    public async Task ReleaseAsync(CancellationToken cancellationToken = default)
    {
        await ReplaceAsync(_held, new LeaseBlock(Read(_held).Count + 1, default, ""), cancellationToken).ConfigureAwait(false);
        _held = [];
    }

    private async Task<bool> ReplaceAsync(byte[] old, LeaseBlock lease, CancellationToken cancellationToken)
    {
        var (began, next) = (_time.GetTimestamp(), lease.ToBytes(old.Length));
        if (!await disk.ReplaceBlockAsync(SharedBlock.Serving, old, next, cancellationToken).ConfigureAwait(false))
            // The SAN may have done an attempt before this one whose answer was lost; but others count from that one.
            return (await disk.ReadBlockAsync(SharedBlock.Serving, cancellationToken).ConfigureAwait(false)).AsSpan().SequenceEqual(next)
                && await ReplaceAsync(next, lease with { Count = lease.Count + 1 }, cancellationToken).ConfigureAwait(false);
        _held = next;
        Volatile.Write(ref _renewed, began);
        return true;
    }

    private static LeaseBlock Read(byte[] block) =>
        LeaseBlock.TryRead(block, out var lease) ? lease : throw UnreadableBlock.Failure(SharedBlock.Serving, block);
}
