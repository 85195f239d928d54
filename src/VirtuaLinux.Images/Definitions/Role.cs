namespace VirtuaLinux.Images.Definitions;

/// <summary>What a node has to have, whatever the distribution calls it. Every distribution gives each role packages, or says why it cannot.</summary>
/// <param name="Name">Its key in <c>distribution.yaml</c>.</param>
/// <param name="Purpose">What it is for, in a few words.</param>
/// <param name="Use">What becomes of its packages.</param>
public sealed record Role(string Name, string Purpose, RoleUse Use = RoleUse.Installed)
{
    /// <summary>All roles, in the order in which their packages are asked for.</summary>
    public static IReadOnlyList<Role> All { get; } =
    [
        new("base", "systemd, udev, network and the tools of a machine"),
        new("tls", "OpenSSL's library, which the virtualinux program loads at run time"),
        new("san", "iSCSI, SCSI reservations, device-mapper, LVM and thin provisioning"),
        new("time", "time for the node and from it for others"),
        new("dns", "a caching name server on every node"),
        new("ssh", "logging in"),
        new("firewall", "packet filter"),
        new("shared", "NFS server and client, for the volume that all nodes share"),
        new("firmware", "firmware of network adapters"),
        new("kvm", "QEMU/KVM and libvirt, as the hypervisor", RoleUse.Hypervisor),
        new("xen", "Xen and libvirt, as the hypervisor", RoleUse.Hypervisor),
        new("kernel", "kernel and modules, for the boot volume", RoleUse.Unpacked),
        new("loaders", "iPXE, and the signed shim and GRUB, for the boot volume and the medium", RoleUse.Unpacked),
    ];
}

/// <summary>What becomes of a role's packages.</summary>
public enum RoleUse
{
    /// <summary>They are installed in the root.</summary>
    Installed,

    /// <summary>They are unpacked beside the root and never installed in it: a node's kernel and loaders come from the boot volume, and its root has nothing that could be upgraded by mistake.</summary>
    Unpacked,

    /// <summary>They are for images with that hypervisor only; no image asks for one yet.</summary>
    Hypervisor,
}
