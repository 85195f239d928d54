using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>What a TFTP server serves, to whom, and whom it tells.</summary>
public sealed record TftpServerOptions
{
    /// <summary>Address that it is bound to.</summary>
    public required Ipv4Address Address { get; init; }

    /// <summary>Port that takes requests.</summary>
    public int Port { get; init; } = 69;

    /// <summary>Sends each transfer from a port of its own (RFC 1350, section 4) instead of all from one, which filters and address translation let through more easily.</summary>
    public bool PortForEach { get; init; }

    /// <summary>What can be loaded.</summary>
    public required BootContent Content { get; init; }

    /// <summary>Whether an address may belong to a client: others are forged, or none of ours, and hear nothing.</summary>
    public Func<Ipv4Address, bool> IsClient { get; init; } = _ => true;

    /// <summary>Bytes by client.</summary>
    public ServedBytes Served { get; init; } = new();

    /// <summary>What is counted.</summary>
    public BootMetrics Metrics { get; init; } = new();

    /// <summary>Called for each file that a client has got to its end, with its name as the client wrote it.</summary>
    public Action<Ipv4Address, string> OnSent { get; init; } = (_, _) => { };

    /// <summary>Takes one line an event.</summary>
    public Action<string> Log { get; init; } = _ => { };
}
