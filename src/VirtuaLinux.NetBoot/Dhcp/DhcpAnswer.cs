using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What to do about a datagram: send the reply that was written, or nothing.</summary>
public readonly record struct DhcpAnswer
{
    /// <summary>Length of the reply in bytes; 0 for silence.</summary>
    public int Length { get; init; }

    /// <summary>Where it goes.</summary>
    public Ipv4Address Destination { get; init; }

    /// <summary>Whom it answers.</summary>
    public MacAddress Client { get; init; }

    /// <summary>To a relay agent (port 67) instead of a client (port 68).</summary>
    public bool ToRelay { get; init; }

    /// <summary>How long to wait before sending.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>A line for the log, or null.</summary>
    public string? Log { get; init; }

    /// <summary>Silence, with a line for the log or without.</summary>
    public static DhcpAnswer Silence(string? log = null) => new() { Log = log };
}
