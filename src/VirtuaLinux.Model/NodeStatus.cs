namespace VirtuaLinux.Model;

/// <summary>What a node tells about itself at <c>/status</c>.</summary>
public sealed record NodeStatus
{
    /// <summary>Name of the node.</summary>
    public required string Name { get; init; }

    /// <summary><c>up</c>, or the phase that a metamaster is in.</summary>
    public required string State { get; init; }

    /// <summary><c>node</c> or <c>metamaster</c>.</summary>
    public required string Role { get; init; }

    /// <summary><c>BIOS</c> or <c>UEFI</c>.</summary>
    public string? Firmware { get; init; }

    /// <summary><c>network</c>, or <c>starter</c> for a medium or the LUN itself.</summary>
    public string? BootedFrom { get; init; }

    /// <summary>The boot server whose manifest was used, as <c>address:port</c>; absent after a start without one.</summary>
    public string? Server { get; init; }

    /// <summary>The root volume and what it stands on.</summary>
    public string? RootVolume { get; init; }

    /// <summary>How full the node's own volumes are; absent until they were looked at.</summary>
    public StoreUsage? Store { get; init; }

    /// <summary>Version of the image that the root belongs to.</summary>
    public string? ImageVersion { get; init; }

    /// <summary>Images whose roots the node keeps, the one that it runs first.</summary>
    public IReadOnlyList<ImageVersion>? Generations { get; init; }

    /// <summary>The images that the node went over to, the oldest first.</summary>
    public IReadOnlyList<ImageStart>? History { get; init; }

    /// <summary>Images of which the node has a volume mapped: its own, and those that it serves to others or writes.</summary>
    public IReadOnlyList<ImageVersion>? Mapped { get; init; }

    /// <summary>Units of systemd that have failed; absent until the boot has ended.</summary>
    public IReadOnlyList<string>? FailedUnits { get; init; }

    /// <summary>What is known of the origin below the root; absent on a metamaster, which has none.</summary>
    public OriginState? Origin { get; init; }

    /// <summary>Serial number of the manifest that the node holds.</summary>
    public long? ManifestSerial { get; init; }

    /// <summary>Fingerprint of the node's SSH host key, as <c>ssh-keygen -l</c> writes it: <c>SHA256:…</c>; absent until it has one.</summary>
    public string? HostKey { get; init; }

    /// <summary>Identity of this boot, new with every one.</summary>
    public string? BootId { get; init; }

    /// <summary>Seconds from the kernel's start to the root being mounted.</summary>
    public double? RootMountedAfter { get; init; }

    /// <summary>Seconds since the kernel started.</summary>
    public double? Uptime { get; init; }
}

/// <summary>A node went over to an image.</summary>
/// <param name="Image">The image.</param>
/// <param name="ManifestSerial">Serial of the manifest that said so.</param>
/// <param name="Since">When it was started first.</param>
public sealed record ImageStart(ImageVersion Image, long ManifestSerial, DateTimeOffset Since);
