using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>What to do about a datagram: send the reply that was written, or nothing.</summary>
public readonly record struct DhcpAnswer
{
    /// <summary>Length of the reply in bytes; 0 for silence.</summary>
    public int Length { get; init; }

    /// <summary>The way to <see cref="Destination"/>.</summary>
    public DhcpRoute Route { get; init; }

    /// <summary>Where it goes.</summary>
    public Ipv4Address Destination { get; init; }

    /// <summary>How long to wait before sending.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>What happened.</summary>
    public DhcpEvent Event { get; init; }

    /// <summary>No reply.</summary>
    public static DhcpAnswer Silence(in DhcpEvent happened) => new() { Event = happened };
}
