namespace VirtuaLinux.NetBoot;

/// <summary>How far a machine has come, as its servers see it.</summary>
public enum BootStage
{
    /// <summary>Nothing was heard of it.</summary>
    Silent,

    /// <summary>Its firmware has an address and knows its loader.</summary>
    Firmware,

    /// <summary>It has its loader.</summary>
    Loader,

    /// <summary>Its loader has the boot script.</summary>
    Script,

    /// <summary>It has its kernel.</summary>
    Kernel,

    /// <summary>It has its initrd.</summary>
    Initrd,

    /// <summary>Its initrd runs and has the manifest.</summary>
    Manifest,

    /// <summary>It is a node that boots others.</summary>
    Up,
}
