using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>What the lab's site file says beside the lab's own facts.</summary>
public sealed record LabSiteOptions
{
    /// <summary>Name of the site.</summary>
    public string Name { get; init; } = "lab";

    /// <summary>The image that nodes run.</summary>
    public string Image { get; init; } = "debian-13";

    /// <summary>Blades that are in the site; all unless given.</summary>
    public IReadOnlyList<string>? Nodes { get; init; }

    /// <summary>Machines that are in the site beside the blades, and not in the chassis yet.</summary>
    public IReadOnlyList<BladeOptions> Planned { get; init; } = [];

    /// <summary>Size of a root.</summary>
    public ByteSize Root { get; init; } = ByteSize.FromGiB(4);

    /// <summary>Size of a node's <c>local</c> volume.</summary>
    public ByteSize Local { get; init; } = ByteSize.FromMiB(512);

    /// <summary>Size of the volume that all nodes share; none unless given.</summary>
    public ByteSize? Shared { get; init; }

    /// <summary>Kernel arguments of nodes.</summary>
    public string KernelArguments { get; init; } = "console=tty0 console=ttyS0,115200";

    /// <summary>Answers yes to the plan; without it a person is asked.</summary>
    public bool Install { get; init; } = true;

    /// <summary>World-wide identifier of a LUN whose foreign data may be destroyed.</summary>
    public string? OverwriteLun { get; init; }

    /// <summary>Demote when this many peers are up.</summary>
    public int? AcceptPeers { get; init; }

    /// <summary>Whether the site moves to, or has moved to, the lab's other array (<see cref="LabOptions.Other"/>).</summary>
    public bool Moves { get; init; }

    /// <summary>A backup of the site that lies on the volume too; none unless given.</summary>
    public string? Backup { get; init; }

    /// <summary>A secret other than the SAN's, to see it refused.</summary>
    public string? ChapSecret { get; init; }
}
