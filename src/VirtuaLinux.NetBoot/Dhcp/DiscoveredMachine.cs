using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>A machine that is not in the manifest and was lent an address.</summary>
/// <param name="Mac">Its MAC address.</param>
/// <param name="Address">Its address.</param>
/// <param name="FirstSeen">When it first asked.</param>
/// <param name="LastSeen">When it last asked.</param>
public sealed record DiscoveredMachine(MacAddress Mac, Ipv4Address Address, DateTimeOffset FirstSeen, DateTimeOffset LastSeen);
