namespace VirtuaLinux.Lab;

/// <summary>How QEMU runs a blade's processors.</summary>
public enum Accelerator
{
    /// <summary>Emulation; works everywhere.</summary>
    Tcg,

    /// <summary>Hardware virtualisation.</summary>
    Kvm,
}
