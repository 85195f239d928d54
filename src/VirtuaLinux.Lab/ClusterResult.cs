namespace VirtuaLinux.Lab;

/// <summary>How a cluster came up.</summary>
public sealed record ClusterResult
{
    /// <summary>The blades.</summary>
    public required IReadOnlyList<BladeStatus> Nodes { get; init; }

    /// <summary>Phases with their durations.</summary>
    public IReadOnlyList<ClusterPhase> Phases { get; init; } = [];

    /// <summary>Duration of the whole.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>What is missing; null when all is well.</summary>
    public string? Problem { get; init; }
}

/// <summary>A phase and how long it took.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Elapsed">Its duration.</param>
public sealed record ClusterPhase(string Name, TimeSpan Elapsed);
