namespace VirtuaLinux.Lab;

/// <summary>Why a machine with media in it stands still.</summary>
internal enum MachineHalt
{
    /// <summary>It wants to start again; the technician looks first whether media were ejected.</summary>
    Reset,

    /// <summary>It switched itself off.</summary>
    PowerOff,
}
