using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>How this machine reaches the LUNs of a SAN. What is said of sessions, targets and LUNs holds for other transports under their own words.</summary>
public interface ISanTransport
{
    /// <summary>The transport that a SAN speaks.</summary>
    static ISanTransport Of(ICommandRunner runner, SiteSan san)
    {
        ArgumentNullException.ThrowIfNull(san);
        return san.Transport switch
        {
            SanTransport.Iscsi => new IscsiInitiator(runner, san),
            SanTransport.NvmeTcp => new NvmeInitiator(runner, san),
            _ => throw new InvalidOperationException($"{san.Transport} is no transport"),
        };
    }

    /// <summary>The name by which the array knows a machine of a site. The card is a part of it: two machines under one name would share one registration of a reservation.</summary>
    string NameOf(string site, string node, MacAddress card);

    /// <summary>Logs in through every portal that lets this machine in and waits for the LUN; one portal is enough, and nothing waits for the others.</summary>
    /// <param name="initiator">This machine's name.</param>
    /// <param name="secret">The CHAP secret, if the SAN asks for one.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>Path of the LUN over all its paths, such as <c>/dev/sda</c> or <c>/dev/mapper/360…</c>.</returns>
    /// <exception cref="FailureException">No portal lets this machine in, the secret is wrong, or the LUN is not there.</exception>
    Task<string> LoginAsync(string initiator, string? secret, CancellationToken cancellationToken = default);

    /// <summary>Portals of the SAN that this machine has no session through, whatever state the others are in.</summary>
    IReadOnlyList<SanPortal> MissingPortals();

    /// <summary>Logs a running node in through a portal more.</summary>
    /// <exception cref="FailureException">The portal does not let this machine in.</exception>
    Task AddPortalAsync(SanPortal portal, string initiator, string? secret, CancellationToken cancellationToken = default);

    /// <summary>Whether a portal offers the SAN's target to this machine, which may have sessions to it already.</summary>
    /// <returns>False also when it cannot be reached.</returns>
    Task<bool> OffersAsync(SanPortal portal, string initiator, CancellationToken cancellationToken = default);

    /// <summary>The LUNs of the target that this machine sees, each over all its paths, with their world-wide identifiers.</summary>
    IReadOnlyList<(string Disk, string Wwid)> Luns();

    /// <summary>Path of the LUN that the SAN names, or of the one with an identifier; null if this machine does not see it.</summary>
    string? FindLun(string? wwid = null);

    /// <summary>A further LUN, ready with its partitions; what is not there yet is asked for, and is there soon after.</summary>
    /// <returns>Its path, or null as long as something is missing.</returns>
    Task<string?> AttachAsync(string wwid, CancellationToken cancellationToken = default);

    /// <summary>Asks the target for LUNs that this machine does not see yet.</summary>
    void Scan();

    /// <summary>Asks the array for the size of a LUN that is in use.</summary>
    /// <exception cref="FailureException">The kernel refused.</exception>
    Task RescanAsync(string disk, CancellationToken cancellationToken = default);
}
