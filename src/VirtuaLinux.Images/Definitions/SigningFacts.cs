namespace VirtuaLinux.Images.Definitions;

/// <summary>Whose signature an image needs to be written to a SAN.</summary>
public sealed record SigningFacts
{
    /// <summary>Files with public keys (PEM, ECDSA on P-256), relative to the image's definition. The image's installer, and later its nodes, take what one of them signed; none: anything.</summary>
    public IReadOnlyList<string> Keys { get; set; } = [];
}
