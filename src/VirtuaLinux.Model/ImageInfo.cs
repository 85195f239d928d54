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

    /// <summary>Size of the origin, in bytes: the root file system and, behind it, the hash tree if there is one; a multiple of 1 MiB.</summary>
    public required long RootSize { get; init; }

    /// <summary>Size of the digest's chunks, in bytes.</summary>
    public required int ChunkSize { get; init; }

    /// <summary>SHA-256 of each chunk of the origin, in order, in lower-case hexadecimal; empty text for a chunk of zeros only.</summary>
    public required IReadOnlyList<string> Chunks { get; init; }

    /// <summary>The root's digest, as <see cref="RootDigestOf"/> computes it. A site's signed manifest repeats it, so that with it all of the root is as signed.</summary>
    public required string RootDigest { get; init; }

    /// <summary>The hash tree behind the file system; absent in an image that did not ask for one.</summary>
    public VerityTree? Verity { get; init; }

    /// <summary>Size of the boot volume (squashfs), in bytes.</summary>
    public required long BootSize { get; init; }

    /// <summary>SHA-256 of the boot volume, in lower-case hexadecimal.</summary>
    public required string BootDigest { get; init; }

    /// <summary>Whether nodes of this image register with the SAN before they write; those of images that were built before do not, and a reservation would shut them out.</summary>
    public bool Registers { get; init; }

    /// <summary>Seconds since 1970 (UTC) that every file of the image carries at most; SOURCE_DATE_EPOCH.</summary>
    public required long SourceDateEpoch { get; init; }

    /// <summary>SHA-256, in lower-case hexadecimal, over the lines of <see cref="Chunks"/> and, if there is one, the line of <see cref="Verity"/>, each ended by a line feed.</summary>
    public static string RootDigestOf(IReadOnlyList<string> chunks, VerityTree? verity) => ChunkDigest.RootDigestOf(verity is null ? chunks : [.. chunks, verity.ToString()]);

    /// <summary>Whether chunks and hash tree are those that a digest was computed over.</summary>
    public bool Has(string rootDigest) => RootDigestOf(Chunks, Verity) == rootDigest;
}
