using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>An image definition, <c>images/NAME.yaml</c>: what a vendor ships.</summary>
public sealed record ImageDefinition
{
    /// <summary>Version of this file's format; 1.</summary>
    public required int Version { get; set; }

    /// <summary>The distribution: a folder under <c>overlays/</c>, applied on top of <c>overlays/common</c>.</summary>
    public required string Distribution { get; set; }

    /// <summary>Apparent size of the root file system; a multiple of 1 MiB. A node's root may be larger and grows into its volume.</summary>
    public ByteSize RootSize { get; set; } = ByteSize.FromGiB(2);

    /// <summary>Whether a hash tree goes with the root, so that nodes hold every block of the origin that they read against it (dm-verity). It takes 0.8 % of <see cref="RootSize"/> on top.</summary>
    public bool Verity { get; set; } = true;

    /// <summary>Whose signature the image needs.</summary>
    public SigningFacts Signing { get; set; } = new();

    /// <summary>Packages on top of those that the overlays list.</summary>
    public IReadOnlyList<string> Packages { get; set; } = [];

    /// <summary>Kernel arguments of the installer, in front of <c>virtualinux.mode=metamaster</c>.</summary>
    public string KernelArguments { get; set; } = "";

    /// <summary>Seconds that the medium's boot menu waits.</summary>
    public int MenuTimeout { get; set; } = 3;
}
