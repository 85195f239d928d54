namespace VirtuaLinux.Lab;

/// <summary>What a node says of itself at <c>/status</c>; members that it does not send are absent.</summary>
public sealed record NodeReport
{
    /// <summary>Name of the node.</summary>
    public string? Name { get; init; }

    /// <summary>Its state, such as <c>up</c>.</summary>
    public string? State { get; init; }

    /// <summary>Firmware that started it.</summary>
    public string? Firmware { get; init; }

    /// <summary>Who served its boot, or the medium.</summary>
    public string? BootedFrom { get; init; }

    /// <summary>The boot server that it came up from.</summary>
    public string? Server { get; init; }

    /// <summary>Seconds from the kernel's start to its root being mounted.</summary>
    public double? RootMountedAfter { get; init; }

    /// <summary>Its root volume.</summary>
    public string? RootVolume { get; init; }

    /// <summary>Version of the image that it runs.</summary>
    public string? ImageVersion { get; init; }

    /// <summary>Its role.</summary>
    public string? Role { get; init; }
}
