using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>A LUN for one machine, which notes all that is changed of it.</summary>
internal sealed class RecordingDisk : Dictionary<SharedBlock, byte[]>, ISharedDisk
{
    /// <summary>What was changed, in its order.</summary>
    public List<string> Changes { get; } = [];

    /// <summary>Keys that are registered.</summary>
    public List<ReservationKey> Registered { get; } = [];

    public bool CanFence { get; init; } = true;

    public Task<bool> CanFenceAsync(CancellationToken cancellationToken = default) => Task.FromResult(CanFence);

    public Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ReservationKey>>([.. Registered]);

    public Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken = default)
    {
        Changes.Add($"register {key}");
        if (key != default) Registered.Add(key);
        return Task.CompletedTask;
    }

    public Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken = default)
    {
        Changes.Add("reserve");
        return Task.CompletedTask;
    }

    public Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken = default)
    {
        Changes.Add($"preempt {victim}");
        Registered.Remove(victim);
        return Task.CompletedTask;
    }

    public Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken = default) => Task.FromResult(false);

    public Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken = default) => Task.FromResult(this.GetValueOrDefault(block) ?? new byte[512]);

    public Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken = default)
    {
        var isAsItWas = (this.GetValueOrDefault(block) ?? new byte[512]).AsSpan().SequenceEqual(old);
        if (!isAsItWas) return Task.FromResult(false);
        Changes.Add($"replace {block}");
        this[block] = next;
        return Task.FromResult(true);
    }
}
