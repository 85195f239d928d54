using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>One row of the lab's status.</summary>
public sealed record BladeStatus
{
    /// <summary>Name of the blade.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it runs.</summary>
    public required PowerState Power { get; init; }

    /// <summary>Its firmware.</summary>
    public required Firmware Firmware { get; init; }

    /// <summary>When it was powered on; absent when it is off.</summary>
    public DateTimeOffset? PoweredOnAt { get; init; }

    /// <summary>Media in its drive and ports.</summary>
    public IReadOnlyList<Medium> Media { get; set; } = [];

    /// <summary>What its node says of itself; absent when it does not answer.</summary>
    public NodeStatus? Node { get; init; }

    /// <summary>Whether the blade says that it is an ordinary node and up.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsNode => Node is { State: "up", Role: "node" };
}
