using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>One emulated machine without disks.</summary>
public sealed record BladeOptions
{
    /// <summary>Name of the blade, and of the node that it becomes.</summary>
    public required string Name { get; init; }

    /// <summary>Hardware address of its one network card.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>Address that the lab's site file gives to the node.</summary>
    public required Ipv4Address Ip { get; init; }

    /// <summary>Firmware; BIOS unless said.</summary>
    public Firmware Firmware { get; init; }

    /// <summary>Memory in MiB.</summary>
    public int MemoryMiB { get; set; } = 1024;

    /// <summary>Processors.</summary>
    public int Cpus { get; set; } = 1;

    /// <summary>Model of the network card.</summary>
    public NetworkCard Card { get; init; }

    /// <summary>What the blade starts instead of what its firmware finds; absent: that.</summary>
    public DirectBoot? Boot { get; init; }
}
