namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Where a DHCP server listens and whom it tells.</summary>
public sealed record DhcpServerOptions
{
    /// <summary>Interface and address.</summary>
    public required BootEndpoint Endpoint { get; init; }

    /// <summary>Who answers.</summary>
    public required DhcpResponder Responder { get; init; }

    /// <summary>Also listens at port 4011 (ProxyDHCP).</summary>
    public bool IsProxy { get; init; }

    /// <summary>What is counted.</summary>
    public BootMetrics Metrics { get; init; } = new();

    /// <summary>Called for each reply before it is sent, on the server's thread.</summary>
    public Action<DhcpEvent> OnReply { get; init; } = _ => { };

    /// <summary>Takes one line for each event that is news.</summary>
    public Action<string> Log { get; init; } = _ => { };
}
