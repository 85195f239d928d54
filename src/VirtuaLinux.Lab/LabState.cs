namespace VirtuaLinux.Lab;

/// <summary>What a lab must remember beyond the life of one command; kept in <c>state.json</c>.</summary>
public sealed record LabState
{
    /// <summary>How the lab was made.</summary>
    public required LabOptions Options { get; init; }

    /// <summary>Whether the namespace and the SAN are meant to be there.</summary>
    public bool IsUp { get; init; }

    /// <summary>How blades run.</summary>
    public Accelerator Accelerator { get; init; }

    /// <summary>Number of tgtd's control socket; 0: none yet.</summary>
    public int SanControlPort { get; init; }

    /// <summary>The SAN's process.</summary>
    public LabProcess? San { get; init; }

    /// <summary>The watcher's process (see <see cref="LabInstance.WatchAsync"/>).</summary>
    public LabProcess? Watcher { get; init; }

    /// <summary>State of each blade by name.</summary>
    public IReadOnlyDictionary<string, BladeState> Blades { get; set; } = new Dictionary<string, BladeState>();
}
