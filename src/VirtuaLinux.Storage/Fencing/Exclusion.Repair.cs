using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

public sealed partial class Exclusion
{
    /// <summary>Makes a shared block anew that is damaged: as if nobody had written it, but with a count that no machine has seen, so that whoever slept meanwhile does not take it for the one that it knows (<see cref="KeyWatch"/>).</summary>
    /// <param name="own">A key for this machine, under which all others are shut out before; null on a SAN that can fence nobody, where somebody must have seen that they are off.</param>
    /// <param name="block">Which block.</param>
    /// <param name="damaged">What it holds.</param>
    /// <param name="now">The time, from which the count begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">It can be read, a newer release wrote it, or it has changed; it was left as it is.</exception>
    public async Task RepairAsync(ReservationKey? own, SharedBlock block, byte[] damaged, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(damaged);
        if (UnreadableBlock.NewerFormat(block, damaged) is not null) throw UnreadableBlock.Failure(block, damaged);
        if (UnreadableBlock.IsReadable(block, damaged)) throw new FailureException($"{UnreadableBlock.Describe(block)} on the SAN can be read; there is nothing to repair");
        if (own is { } key)
            foreach (var lun in (ISharedDisk[])[disk, .. others])
            {
                if (!(await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(key)) await lun.RegisterAsync(key, cancellationToken).ConfigureAwait(false);
                await ShutOutAsync(lun, key, _ => true, cancellationToken).ConfigureAwait(false);
            }
        if (!await disk.ReplaceBlockAsync(block, damaged, UnreadableBlock.Empty(block, (ulong)now.ToUnixTimeMilliseconds(), damaged.Length), cancellationToken).ConfigureAwait(false))
            throw new FailureException($"{UnreadableBlock.Describe(block)} on the SAN has changed meanwhile; look at it again");
    }
}
