using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install.Tests;

/// <summary>What all machines see of a LUN.</summary>
/// <param name="canFence">Whether its array can fence.</param>
internal sealed class MemoryDisk(bool canFence = true) : ISharedDisk
{
    private readonly Dictionary<SharedBlock, byte[]> _blocks = [];
    private readonly HashSet<ReservationKey> _keys = [];

    public Task<bool> CanFenceAsync(CancellationToken cancellationToken = default) => Task.FromResult(canFence);

    public Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ReservationKey>>([.. _keys]);

    public Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken = default) => Task.FromResult(_keys.Add(key));

    public Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken = default) => Task.FromResult(_keys.Remove(victim));

    public Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken = default) => Task.FromResult(false);

    public Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken = default) => Task.FromResult(_blocks.GetValueOrDefault(block) ?? new byte[512]);

    public Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken = default)
    {
        var isAsItWas = (_blocks.GetValueOrDefault(block) ?? new byte[512]).AsSpan().SequenceEqual(old);
        if (isAsItWas) _blocks[block] = next;
        return Task.FromResult(isAsItWas);
    }
}
