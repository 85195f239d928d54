using System.Text.Json.Serialization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>What the SAN keeps of a site besides its volumes. Whoever may log in to the SAN may read it; it never crosses another wire.</summary>
/// <remarks>Members with a default are <c>set</c>, not <c>init</c>: see <see cref="YamlFile"/>.</remarks>
public sealed record SanState
{
    /// <summary>The newest format that this program knows (<see cref="DocumentFormat"/>).</summary>
    public const int KnownFormat = 1;

    /// <summary>What it is, for people.</summary>
    public const string What = "the site's state";

    /// <summary>Version of the format; the first releases wrote none, and meant 1.</summary>
    public int Format { get; set; } = KnownFormat;

    /// <summary>The signed manifest, as its file.</summary>
    public required byte[] SignedManifest { get; init; }

    /// <summary>Certificate of the site's CA, PEM.</summary>
    public required string CaCertificate { get; init; }

    /// <summary>Private key of the site's CA, PEM (PKCS #8).</summary>
    public required string CaKey { get; init; }

    /// <summary>CHAP secret, if the SAN asks for one.</summary>
    public string? ChapSecret { get; init; }

    /// <summary>The facts of all the site's images, so that a node can verify its origin.</summary>
    public required IReadOnlyList<ImageInfo> Images { get; init; }

    /// <summary>The state with one image more.</summary>
    public SanState WithImage(ImageInfo image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Images.Any(i => i.Image == image.Image && i.RootDigest == image.RootDigest) ? this : this with { Images = [.. Images.Where(i => i.Image != image.Image), image] };
    }

    /// <summary>The state without an image.</summary>
    public SanState WithoutImage(ImageVersion image) => Images.Any(i => i.Image == image) ? this with { Images = [.. Images.Where(i => i.Image != image)] } : this;

    /// <summary>The facts of an image, as signed: its digest is the manifest's.</summary>
    /// <param name="manifest">The site's manifest, checked.</param>
    /// <param name="image">One of its images.</param>
    /// <exception cref="FailureException">The site has no such image, or the SAN describes it otherwise than the site signed it.</exception>
    public ImageInfo Find(Manifest manifest, ImageVersion image)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var digest = manifest.DigestOf(image) ?? throw new FailureException($"site {manifest.Name} has no image {image}; it has {string.Join(", ", manifest.Images.Select(i => i.Image).Prepend(manifest.Image).Distinct())}");
        return Images.FirstOrDefault(i => i.Image == image && i.Has(digest)) ?? throw new FailureException($"the SAN describes {image} otherwise than the manifest of site {manifest.Name} was signed for (digest {digest[..12]}); restore the SAN from its backup, or install the site again");
    }

    /// <summary>WWIDs of the LUNs that hold extents of the volume group beside the one that this is read from.</summary>
    public IReadOnlyList<string> Luns { get; set; } = [];

    /// <summary>Reads the state from a journal partition; null if there is none.</summary>
    /// <exception cref="FailureException">An I/O error, or a state of a newer release.</exception>
    public static SanState? Read(BlockDevice journal) => Slots(journal).Read(What, KnownFormat, StorageJson.Default.SanState);

    /// <summary>Writes the state; a power cut leaves the older one.</summary>
    /// <exception cref="FailureException">An I/O error, or a state of a newer release, which stays.</exception>
    public void Write(BlockDevice journal) => Slots(journal).Write(this, What, KnownFormat, StorageJson.Default.SanState);

    private static SlotStore Slots(BlockDevice journal) => new(journal, SanLayout.StateOffset, SanLayout.StateSlotSize);
}

/// <summary>Serialisation of what the SAN keeps.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SanState))]
[JsonSerializable(typeof(Ledger))]
public sealed partial class StorageJson : JsonSerializerContext;
