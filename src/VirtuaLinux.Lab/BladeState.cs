namespace VirtuaLinux.Lab;

/// <summary>What the lab remembers of one blade.</summary>
public sealed record BladeState
{
    /// <summary>The emulator's process.</summary>
    public LabProcess? Machine { get; init; }

    /// <summary>When it was last powered on.</summary>
    public DateTimeOffset? PoweredOnAt { get; init; }

    /// <summary>Length of the console log at that moment, in bytes.</summary>
    public long ConsoleStart { get; init; }

    /// <summary>Counters of the network port at that moment.</summary>
    public Traffic TrafficStart { get; set; } = new(0, 0);

    /// <summary>What is in the drive and the USB ports.</summary>
    public IReadOnlyList<Medium> Media { get; set; } = [];

    /// <summary>Networks, counted from 1, whose cables are pulled.</summary>
    public IReadOnlyList<int> PulledCables { get; set; } = [];
}
