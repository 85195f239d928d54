using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Firmware that boots a LUN. OVMF has no iSCSI set-up that could be filled in from outside; iPXE on a stick does what such firmware does.</summary>
public sealed partial class LabInstance
{
    private const int StickKiB = 16 * 1024;

    /// <summary>Makes a stick whose iPXE boots a UEFI blade from the SAN's LUN.</summary>
    /// <param name="blade">The blade, whose address the stick uses.</param>
    /// <param name="iso">An installer ISO: its boot volume has iPXE.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<Medium> SanBootStickAsync(Blade blade, string iso, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blade);
        var folder = Path.Combine(_store.Directory, $"sanboot-{blade.Name}");
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var volume = Path.Combine(folder, "boot.squashfs");
        await _runner.RunAsync(ExternalCommand.Of("xorriso", "-report_about", "WARNING", "-osirrox", "on", "-indev", iso, "-extract", "/virtualinux/boot.squashfs", volume), cancellationToken).ConfigureAwait(false);
        await _runner.RunAsync(ExternalCommand.Of("unsquashfs", "-no-progress", "-dest", Path.Combine(folder, "boot"), volume, "export/ipxe.efi"), cancellationToken).ConfigureAwait(false);
        var image = Path.Combine(_store.Directory, $"sanboot-{blade.Name}.img");
        File.Delete(image);
        await _runner.RunAsync(ExternalCommand.Of("mkfs.fat", "-C", image, StickKiB.ToString(CultureInfo.InvariantCulture)), cancellationToken).ConfigureAwait(false);
        await _runner.RunAsync(ExternalCommand.Of("mmd", "-i", image, "::EFI", "::EFI/BOOT"), cancellationToken).ConfigureAwait(false);
        await _runner.RunAsync(ExternalCommand.Of("mcopy", "-i", image, Path.Combine(folder, "boot/export/ipxe.efi"), "::EFI/BOOT/BOOTX64.EFI"), cancellationToken).ConfigureAwait(false);
        await _runner.RunAsync(ExternalCommand.Of("mcopy", "-i", image, "-", "::autoexec.ipxe").WithInput(SanBootScript(blade)), cancellationToken).ConfigureAwait(false);
        Directory.Delete(folder, recursive: true);
        return Medium.UsbStick(image);
    }

    private string SanBootScript(Blade blade)
    {
        var template = ProductFiles.Locate("templates/lab/sanboot.ipxe.sbn");
        var lab = Options;
        return TemplateRenderer.Render(template, File.ReadAllText(template), new Dictionary<string, object?>
        {
            ["name"] = blade.Name,
            ["address"] = blade.Options.Ip.ToString(),
            ["netmask"] = lab.Subnet.Mask.ToString(),
            ["portal"] = lab.SanAddress.ToString(),
            ["target"] = lab.Target,
            ["chap_user"] = lab.ChapUser,
            ["chap_secret"] = lab.ChapSecret,
            ["initiator"] = $"iqn.2026-11.org.virtualinux:firmware:{blade.Name}",
        });
    }
}
