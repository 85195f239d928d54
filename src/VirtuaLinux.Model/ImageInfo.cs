namespace VirtuaLinux.Model;

/// <summary>What is known of a built image; <c>image.json</c> on the installer medium and in the image's boot volume.</summary>
public sealed record ImageInfo
{
    /// <summary>Name and version.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>The distribution's overlay.</summary>
    public required string Distribution { get; init; }

    /// <summary>Release of the kernel, as <c>uname -r</c> prints it.</summary>
    public required string KernelRelease { get; init; }

    /// <summary>Apparent size of the root file system, in bytes; a multiple of 1 MiB.</summary>
    public required long RootSize { get; init; }

    /// <summary>Size of the digest's chunks, in bytes.</summary>
    public required int ChunkSize { get; init; }

    /// <summary>SHA-256 of each chunk of the root, in order, in lower-case hexadecimal; empty text for a chunk of zeros only.</summary>
    public required IReadOnlyList<string> Chunks { get; init; }

    /// <summary>SHA-256 over the lines of <see cref="Chunks"/>, each ended by a line feed: the root's digest.</summary>
    public required string RootDigest { get; init; }

    /// <summary>Size of the boot volume (squashfs), in bytes.</summary>
    public required long BootSize { get; init; }

    /// <summary>SHA-256 of the boot volume, in lower-case hexadecimal.</summary>
    public required string BootDigest { get; init; }

    /// <summary>Seconds since 1970 (UTC) that every file of the image carries at most; SOURCE_DATE_EPOCH.</summary>
    public required long SourceDateEpoch { get; init; }
}
