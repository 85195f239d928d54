using System.Globalization;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>The emulator's command line for a blade: pure, so that it can be read and tested without a machine.</summary>
internal static class BladeMachine
{
    /// <summary>An empty ROM leaves network boot to OVMF's own drivers; with the card's ROM iPXE would take over there too. A card beside the boot network has none at all.</summary>
    public const string NoRom = ",romfile=";

    private const string OvmfCode = "/usr/share/OVMF/OVMF_CODE_4M.fd";
    public const string OvmfVariables = "/usr/share/OVMF/OVMF_VARS_4M.fd";

    public static IReadOnlyList<string> Arguments(LabOptions lab, BladeOptions blade, Accelerator accelerator, IReadOnlyList<Medium> media)
    {
        var directory = LabPaths.BladeDirectory(lab, blade.Name);
        List<string> arguments =
        [
            "-daemonize", "-pidfile", Path.Combine(directory, "qemu.pid"),
            "-name", $"{lab.Namespace}-{blade.Name}", "-uuid", Uuid(blade),
            .. Processor(accelerator), "-smp", Text(blade.Cpus), "-m", Text(blade.MemoryMiB),
            "-machine", "q35", "-nodefaults", "-no-user-config",
            "-display", "none", "-vga", "std",
            "-chardev", $"socket,id=console,path={LabPaths.ConsoleSocket(lab, blade.Name)},server=on,wait=off,logfile={LabPaths.ConsoleLog(lab, blade.Name)},logappend=on",
            "-serial", "chardev:console",
            "-chardev", $"socket,id=monitor,path={LabPaths.QmpSocket(lab, blade.Name)},server=on,wait=off",
            "-mon", "chardev=monitor,mode=control",
            "-chardev", $"pipe,id=events,path={EventsPath(lab, blade)}",
            "-mon", "chardev=events,mode=control",
            "-device", "virtio-rng-pci",
            .. Card(LabNetwork.Port(blade.Name), 1, $"{Model(blade)}{(blade.Firmware == Firmware.Uefi ? NoRom : "")},bootindex=9", blade.Mac),
            .. lab.NetworkNumbers.Skip(1).SelectMany(n => Card(LabNetwork.Port(blade.Name, n), n, Model(blade) + NoRom, blade.Mac)),
            .. FirmwareOf(blade, directory, lab),
            .. blade.Boot is { } boot ? (string[])["-kernel", boot.Kernel, "-initrd", boot.Initrd, "-append", boot.Arguments] : [],
        ];
        // A machine forgets at reset which trays it opened: with media in it, it stops there until the technician has looked.
        if (media.Count > 0) arguments.AddRange(["-action", "reboot=shutdown,shutdown=pause"]);
        if (media.Any(m => m.Kind != MediumKind.Cdrom)) arguments.AddRange(["-device", "qemu-xhci,id=usb"]);
        for (var i = 0; i < media.Count; i++) arguments.AddRange(MediumOf(media[i], i, directory));
        return arguments;
    }

    /// <summary>The events' FIFO <c>PATH.in</c>, which turns them on, and log <c>PATH.out</c>, a plain file: nobody has to listen for them to be kept.</summary>
    public static string EventsPath(LabOptions lab, BladeOptions blade) => Path.Combine(LabPaths.BladeDirectory(lab, blade.Name), "events");

    /// <summary>Name of the device that holds the medium with this index.</summary>
    public static string DeviceOf(int index) => $"medium{Text(index)}";

    /// <summary>The file that a writable medium of this blade lives in.</summary>
    public static string FileOf(Medium medium, int index, string bladeDirectory) =>
        medium.Kind == MediumKind.Cdrom ? medium.Path : Path.Combine(bladeDirectory, $"stick{Text(index)}.img");

    public static string[] Processor(Accelerator accelerator) => accelerator == Accelerator.Kvm
        ? ["-accel", "kvm", "-cpu", "host"]
        : ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"];

    /// <summary>A card on a network, counted from 1; its cable is <see cref="LabOptions.NetworkName"/>.</summary>
    public static string[] Card(string port, int network, string model, MacAddress boot)
    {
        var cable = LabOptions.NetworkName(network);
        return ["-netdev", $"tap,id={cable},ifname={port},script=no,downscript=no,vhost=off", "-device", $"{model},netdev={cable},mac={LabOptions.CardOn(network, boot)}"];
    }

    private static string Model(BladeOptions blade) => blade.Card switch { NetworkCard.E1000e => "e1000e", _ => "virtio-net-pci" };

    private static string[] FirmwareOf(BladeOptions blade, string directory, LabOptions lab) => blade.Firmware switch
    {
        // SeaBIOS that found nothing to boot starts again after 3 s, as a server's BIOS is set to; its screen is mirrored on the serial port.
        Firmware.Bios => ["-boot", "strict=on,reboot-timeout=3000", "-fw_cfg", $"name=etc/sercon-port,file={Path.Combine(LabPaths.RunOf(lab), "sercon-port")}"],
        _ =>
        [
            "-boot", "strict=on",
            "-drive", $"if=pflash,unit=0,format=raw,readonly=on,file={Option(OvmfCode)}",
            "-drive", $"if=pflash,unit=1,format=raw,file={Option(Path.Combine(directory, "uefi-variables.fd"))}",
            // OVMF tries PXE over IPv6 for minutes before anything else.
            "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
        ],
    };

    private static string[] MediumOf(Medium medium, int index, string directory)
    {
        var drive = $"drive{Text(index)}";
        var file = Option(FileOf(medium, index, directory));
        return medium.Kind switch
        {
            MediumKind.Cdrom =>
            [
                "-drive", $"if=none,id={drive},media=cdrom,format=raw,readonly=on,file={file}",
                "-device", $"ide-cd,id={DeviceOf(index)},drive={drive},bus=ide.{Text(index)},bootindex={Text(index + 1)}",
            ],
            _ =>
            [
                "-drive", $"if=none,id={drive},format=raw,file={file}",
                "-device", $"usb-storage,id={DeviceOf(index)},drive={drive},bus=usb.0,removable=on{(medium.Kind == MediumKind.UsbStick ? $",bootindex={Text(index + 1)}" : "")}",
            ],
        };
    }

    /// <summary>The machine's UUID (SMBIOS type 1), which firmware sends as DHCP option 97.</summary>
    private static string Uuid(BladeOptions blade) => $"76697274-7561-4c69-8e75-{blade.Mac.Value:x12}";

    /// <summary>QEMU splits option values at commas; a doubled comma stands for one.</summary>
    public static string Option(string path) => path.Replace(",", ",,", StringComparison.Ordinal);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
