using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Http;

/// <summary>What HTTP serves and whom it tells.</summary>
public sealed record BootHttpOptions
{
    /// <summary>What can be loaded.</summary>
    public required BootContent Content { get; init; }

    /// <summary>Paths that take uploads.</summary>
    public IReadOnlyList<BootUpload> Uploads { get; init; } = [];

    /// <summary>Paths that stream something.</summary>
    public IReadOnlyList<BootDownload> Downloads { get; init; } = [];

    /// <summary>Bytes by client.</summary>
    public ServedBytes Served { get; init; } = new();

    /// <summary>What is counted.</summary>
    public BootMetrics Metrics { get; init; } = new();

    /// <summary>Called for each file that a client has got to its end, with its path.</summary>
    public Action<Ipv4Address, string> OnSent { get; init; } = (_, _) => { };

    /// <summary>Takes one line a request.</summary>
    public Action<string> Log { get; init; } = _ => { };
}
