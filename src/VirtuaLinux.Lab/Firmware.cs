namespace VirtuaLinux.Lab;

/// <summary>What a blade starts with.</summary>
public enum Firmware
{
    /// <summary>SeaBIOS; the network card's option ROM is iPXE.</summary>
    Bios,

    /// <summary>OVMF (EDK II) with its own network stack and a variable store of its own.</summary>
    Uefi,
}
