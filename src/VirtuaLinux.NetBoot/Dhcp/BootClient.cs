namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>How a client boots, as its DHCP message tells.</summary>
public enum BootClient
{
    /// <summary>Asks for an address only, such as an operating system.</summary>
    None,

    /// <summary>iPXE, of whatever firmware: takes the script.</summary>
    Ipxe,

    /// <summary>Firmware that loads over HTTP (UEFI 2.10, section 24.7).</summary>
    Http,

    /// <summary>PXE of UEFI firmware.</summary>
    UefiPxe,

    /// <summary>PXE of a BIOS.</summary>
    BiosPxe,

    /// <summary>Firmware that no loader is here for.</summary>
    Unsupported,
}
