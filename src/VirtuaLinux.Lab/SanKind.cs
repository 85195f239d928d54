namespace VirtuaLinux.Lab;

/// <summary>Which target stands in for the SAN.</summary>
public enum SanKind
{
    /// <summary>tgt, a program on the host: at once there, and quick. Its persistent reservations do not survive a re-login and its COMPARE AND WRITE is not atomic (usr/spc.c).</summary>
    Tgt,

    /// <summary>The Linux kernel's target (LIO) in an emulated machine: for whatever needs reservations, fencing or atomic writes.</summary>
    Lio,

    /// <summary>The Linux kernel's NVMe target in an emulated machine, over TCP. Linux 6.12, Debian 13's, has no reservations in it.</summary>
    Nvmet,
}
