namespace VirtuaLinux.Lab;

/// <summary>Kinds of removable media.</summary>
public enum MediumKind
{
    /// <summary>A disc in the SATA CD drive.</summary>
    Cdrom,

    /// <summary>A bootable USB stick on an xHCI controller.</summary>
    UsbStick,

    /// <summary>A USB stick with a <c>VL-SITE</c> volume.</summary>
    SiteVolume,
}
