namespace VirtuaLinux.Images;

/// <summary>What to build, from what, and where to.</summary>
public sealed record ImageBuildOptions
{
    /// <summary>Name of the image: <c>images/NAME.yaml</c>.</summary>
    public required string ImageName { get; init; }

    /// <summary>Where the installer ISO, <c>NAME.json</c> and what tells of their contents go.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Where results of stages are kept between builds.</summary>
    public required string CacheDirectory { get; init; }

    /// <summary>The <c>virtualinux</c> program, compiled ahead of time, that goes into the image.</summary>
    public required string ProgramPath { get; init; }

    /// <summary>Folder with <c>images</c>, <c>overlays</c> and <c>templates</c>; null for the product's own.</summary>
    public string? ProductDirectory { get; init; }

    /// <summary>URI of the package archive; null for the package manager's own default.</summary>
    public string? Mirror { get; init; }

    /// <summary>Fetches packages anew although the cache has some for the same list.</summary>
    public bool Refresh { get; init; }

    /// <summary>Refuses when other packages were installed than <c>images/NAME.lock</c> says.</summary>
    public bool Locked { get; init; }

    /// <summary>Writes what was installed into <c>images/NAME.lock</c>.</summary>
    public bool UpdateLock { get; init; }

    /// <summary>Upper bound of all dates in the image, in seconds since 1970 (UTC); null for the newest date that the packages bring.</summary>
    public long? SourceDateEpoch { get; init; }

    /// <summary>Called for every stage as it starts, tells something, and ends; possibly from another thread.</summary>
    public Action<BuildEvent>? OnEvent { get; init; }
}
