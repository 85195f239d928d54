using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>A machine that asked and is not in the manifest.</summary>
public sealed record DiscoveredMachine
{
    /// <summary>Its MAC address.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>Its UUID (option 97), as RFC 4122 writes it; null when it sends none.</summary>
    public string? Uuid { get; init; }

    /// <summary>The first architecture of option 93; null when it sends none.</summary>
    public int? Architecture { get; init; }

    /// <summary>Its vendor class (option 60).</summary>
    public string? VendorClass { get; init; }

    /// <summary>The switch port that a relay agent names (option 82, circuit and remote identifier), as <c>remote/circuit</c>; null without one.</summary>
    public string? Port { get; init; }

    /// <summary>The address that it was lent; null when it was lent none.</summary>
    public Ipv4Address? Address { get; init; }

    /// <summary>When it first asked.</summary>
    public required DateTimeOffset FirstSeen { get; init; }

    /// <summary>Whether the site file refuses it.</summary>
    public bool IsRefused { get; init; }
}
