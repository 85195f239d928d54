using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Signing;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>The installer medium: starts under BIOS and UEFI, from CD and from USB, and carries the image.</summary>
internal static class IsoStage
{
    /// <summary>Label of the medium, by which firmware's loader and the running installer find it.</summary>
    private const string Label = "VIRTUALINUX";

    private const string EfiLabel = "VL-EFI";
    private const int EfiSlackKiB = 512;

    /// <summary>What the BIOS loader can do; it has to find its medium and read from it, and show a menu on screen and serial line.</summary>
    private static readonly string[] GrubModules =
    [
        "biosdisk", "iso9660", "part_msdos", "part_gpt", "search", "search_label", "normal", "configfile", "linux",
        "serial", "terminal", "terminfo", "echo", "test", "sleep", "reboot", "halt", "ls", "minicmd",
    ];

    public static async Task<string> RunAsync(BuildContext context, PackageSet packages, ImageInfo info, RootImage root, BootVolume boot, string initrd)
    {
        var definition = context.Definitions.Image;
        var templates = Path.Combine(context.Definitions.Templates, "iso");
        var image = JsonSerializer.Serialize(info, ModelJson.Default.ImageInfo);
        var files = new BootFiles(context.Definitions.Distribution, packages.Boot);
        var key = new StageKey("iso 1")
            .Add("packages", packages.Identity)
            .Add("boot files", context.Definitions.Distribution.BootFiles.Select(f => $"{f.Key}={f.Value}"))
            .Add("image", image)
            .Add("arguments", definition.KernelArguments)
            .Add("menu", definition.MenuTimeout)
            .AddVendorKeys(context.Definitions)
            .AddDirectory("templates", templates)
            .ToKey();
        var folder = await context.StageAsync("iso", key, async work =>
        {
            await File.WriteAllTextAsync(work.At("image.json"), image).ConfigureAwait(false);
            await File.WriteAllTextAsync(work.At("grub.cfg"), Menu(templates, info.Image.ToString(), definition)).ConfigureAwait(false);
            await File.WriteAllTextAsync(work.At("info"), $"VirtuaLinux {info.Image}\n").ConfigureAwait(false);
            await MakeBiosLoaderAsync(work, packages, files, templates).ConfigureAwait(false);
            await MakeEfiPartitionAsync(work, packages, files, templates).ConfigureAwait(false);
            work.Say("writing the medium");
            string[] signing = [];
            if (context.Definitions.VendorKeysText is { Length: > 0 } keys)
            {
                await File.WriteAllTextAsync(work.At("keys"), keys).ConfigureAwait(false);
                await File.WriteAllBytesAsync(work.At("signatures"), ImageSignatures.None.ToBytes()).ConfigureAwait(false);
                signing = [$"{SignedMedium.Keys}={work.At("keys")}", $"{SignedMedium.Signatures}={work.At("signatures")}"];
            }
            await MakeIsoAsync(work, packages, files,
            [
                .. signing,
                $"/.disk/info={work.At("info")}",
                $"/boot/grub/grub.cfg={work.At("grub.cfg")}",
                $"/boot/grub/bios.img={work.At("bios.img")}",
                $"/boot/vmlinuz={files.Locate("vmlinuz")}",
                $"/boot/initrd.img={initrd}",
                $"{SignedMedium.Description}={work.At("image.json")}",
                $"/virtualinux/root.ext4.zst={root.Compressed}",
                $"/virtualinux/boot.squashfs={boot.Path}",
            ]).ConfigureAwait(false);
            foreach (var part in (string[])["grub.cfg", "info", "bios.img", "efi.img", "keys", "signatures"]) File.Delete(work.At(part));
        }).ConfigureAwait(false);
        return Path.Combine(folder, "image.iso");
    }

    /// <summary>The medium's boot menu.</summary>
    public static string Menu(string templates, string image, ImageDefinition definition)
    {
        var template = Path.Combine(templates, "grub.cfg.sbn");
        return TemplateRenderer.Render(template, File.ReadAllText(template), new Dictionary<string, object?>
        {
            ["image"] = image,
            ["kernel_arguments"] = definition.KernelArguments,
            ["timeout"] = definition.MenuTimeout,
        });
    }

    private static async Task MakeBiosLoaderAsync(StageWork work, PackageSet packages, BootFiles files, string templates) =>
        await work.RunAsync(new ImageTool(packages.Root, packages.Boot)
            .Call("grub-mkimage", "-O", "i386-pc-eltorito", "-d", files.LocateDirectory(BootFiles.BiosModules), "-p", "/boot/grub", "-c", Path.Combine(templates, "bios.cfg"), "-o", work.At("bios.img"))
            .With(GrubModules)).ConfigureAwait(false);

    /// <summary>A small FAT file system: firmware loads the signed shim from it, shim the signed GRUB, and GRUB a few lines that lead to the medium's menu.</summary>
    private static async Task MakeEfiPartitionAsync(StageWork work, PackageSet packages, BootFiles files, string templates)
    {
        var epoch = packages.Epoch.ToString(CultureInfo.InvariantCulture);
        var image = work.At("efi.img");
        (string Path, string Source)[] content =
        [
            .. BootFiles.EfiLoaders.Select(l => (l.Path, files.Locate(l.Name))),
            ("boot/grub/grub.cfg", Path.Combine(templates, "efi.cfg")),
        ];
        var size = content.Sum(c => new FileInfo(c.Source).Length) / 1024 + EfiSlackKiB;
        await work.RunAsync(ExternalCommand.Of("mkfs.fat", "--invariant", "-n", EfiLabel, "-C", image, (size / 64 * 64 + 64).ToString(CultureInfo.InvariantCulture))).ConfigureAwait(false);
        ExternalCommand Tool(string program, params IReadOnlyList<string> arguments) =>
            ExternalCommand.Of(program, "-i", image).With(arguments).WithEnvironment("SOURCE_DATE_EPOCH", epoch).WithEnvironment("TZ", "UTC").WithEnvironment("MTOOLS_SKIP_CHECK", "1");
        await work.RunAsync(Tool("mmd", "::EFI", "::EFI/BOOT", "::boot", "::boot/grub")).ConfigureAwait(false);
        foreach (var (path, source) in content) await work.RunAsync(Tool("mcopy", source, $"::{path}")).ConfigureAwait(false);
    }

    private static async Task MakeIsoAsync(StageWork work, PackageSet packages, BootFiles files, string[] grafts)
    {
        var date = DateTimeOffset.FromUnixTimeSeconds(packages.Epoch);
        await work.RunAsync(ExternalCommand.Of("xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-o", work.At("image.iso"),
                "-V", Label, "-r", "-J", "-joliet-long", "-iso-level", "3",
                "--modification-date=" + date.ToString("yyyyMMddHHmmss00", CultureInfo.InvariantCulture),
                "--set_all_file_dates", $"={packages.Epoch}",
                "-preparer", "VIRTUALINUX",
                "-partition_offset", "16",
                // BIOS, from CD (El Torito) and from USB (the same loader, started by the boot record).
                "-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
                "--grub2-mbr", Path.Combine(files.LocateDirectory(BootFiles.BiosModules), "boot_hybrid.img"),
                // UEFI, from CD (El Torito) and from USB (a partition). No GPT: a valid one stops some old BIOSes.
                "-append_partition", "2", "0xef", work.At("efi.img"),
                "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
                "-graft-points")
            .With(grafts)
            .WithEnvironment("SOURCE_DATE_EPOCH", packages.Epoch.ToString(CultureInfo.InvariantCulture))).ConfigureAwait(false);
    }
}
