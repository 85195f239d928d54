using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The site's LUN as an NVMe namespace. Its reservations (NVM Express Base Specification, Reservations) are not used, also where a target has them: such a SAN can fence nobody.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="disk">The namespace, such as <c>/dev/nvme0n1</c>.</param>
public sealed class NvmeDisk(ICommandRunner runner, string disk) : ISharedDisk
{
    private readonly PlainBlocks _blocks = new(runner, disk);

    /// <inheritdoc/>
    public Task<bool> CanFenceAsync(CancellationToken cancellationToken = default) => Task.FromResult(false);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ReservationKey>>([]);

    /// <inheritdoc/>
    public Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken = default) => throw Unable();

    /// <inheritdoc/>
    public Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken = default) => throw Unable();

    /// <inheritdoc/>
    public Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken = default) => throw Unable();

    /// <inheritdoc/>
    public Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken = default) => throw Unable();

    /// <inheritdoc/>
    public Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken = default) => _blocks.ReadAsync(block, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken = default) => _blocks.ReplaceAsync(block, old, next, cancellationToken);

    private FailureException Unable() => new($"{disk}: over NVMe nobody registers with the SAN; it can fence nobody");
}
