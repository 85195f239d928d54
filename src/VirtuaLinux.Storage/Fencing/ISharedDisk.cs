using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>What all nodes see alike of the site's LUN, and the commands on it that exclusion stands on.</summary>
public interface ISharedDisk
{
    /// <summary>A LUN by its commands.</summary>
    /// <param name="runner">Runs programs.</param>
    /// <param name="disk">The whole LUN, such as <c>/dev/sda</c> or <c>/dev/nvme0n1</c>, or a multipath device.</param>
    static ISharedDisk Of(ICommandRunner runner, string disk) => Path.GetFileName(disk).StartsWith("nvme", StringComparison.Ordinal) ? new NvmeDisk(runner, disk) : new ScsiDisk(runner, disk);

    /// <summary>Whether a registration outlives logins and a restart of the array (SPC-4, PTPL_C) and the type <em>write exclusive, all registrants</em> is there. Without both, the SAN can fence nobody.</summary>
    Task<bool> CanFenceAsync(CancellationToken cancellationToken = default);

    /// <summary>The keys that are registered.</summary>
    Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken = default);

    /// <summary>Registers this machine under a key, whatever it had before; the null key ends its registration.</summary>
    Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken = default);

    /// <summary>Reserves the LUN for all registered machines; does nothing when that is so.</summary>
    Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken = default);

    /// <summary>Ends the registration under a key and aborts what its owner has under way. Nothing that the owner sends later is written.</summary>
    Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken = default);

    /// <summary>Sees that the array still counts this machine as registered, over each of its paths, after it shut out what was registered under the same initiator name; registers it anew where not.</summary>
    /// <returns>Whether that was needed: it may have been fenced meanwhile, which has to be looked at again.</returns>
    Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken = default);

    /// <summary>Reads a block, past this machine's memory.</summary>
    Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken = default);

    /// <summary>Replaces a block if it still holds what it held (SBC-3, COMPARE AND WRITE); false if it does not, or if another machine has replaced it at the same time.</summary>
    Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken = default);
}
