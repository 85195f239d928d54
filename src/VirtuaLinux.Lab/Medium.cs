namespace VirtuaLinux.Lab;

/// <summary>A removable medium.</summary>
public sealed record Medium
{
    /// <summary>What it is.</summary>
    public required MediumKind Kind { get; init; }

    /// <summary>The image file.</summary>
    public required string Path { get; init; }

    /// <summary>An installer ISO in the blade's CD drive.</summary>
    public static Medium Cdrom(string iso) => new() { Kind = MediumKind.Cdrom, Path = System.IO.Path.GetFullPath(iso) };

    /// <summary>An installer ISO written on a USB stick. The blade writes to a copy of its own.</summary>
    public static Medium UsbStick(string image) => new() { Kind = MediumKind.UsbStick, Path = System.IO.Path.GetFullPath(image) };

    /// <summary>A stick that holds the site description; no firmware boots it.</summary>
    public static Medium SiteVolume(string image) => new() { Kind = MediumKind.SiteVolume, Path = System.IO.Path.GetFullPath(image) };
}
