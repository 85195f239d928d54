using System.Globalization;
using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;

namespace VirtuaLinux.Images.Stages;

/// <summary>The boot volume: one immutable squashfs with what nodes serve (<c>export/</c>), the loaders of the LUN's EFI partition (<c>starter/</c>) and the modules of their kernel.</summary>
/// <param name="Path">The squashfs.</param>
/// <param name="Digest">Its SHA-256, in lower-case hexadecimal.</param>
internal sealed record BootVolume(string Path, string Digest);

/// <summary>Makes the boot volume.</summary>
internal static class BootVolumeStage
{
    public static async Task<BootVolume> RunAsync(BuildContext context, PackageSet packages, ModuleTree modules, string initrd)
    {
        var files = new BootFiles(context.Definitions.Distribution, packages.Boot);
        var key = new StageKey("boot 1")
            .Add("packages", packages.Identity)
            .Add("epoch", packages.Epoch)
            .Add("modules", Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(modules.Directory)!)!))
            .Add("initrd", Path.GetFileName(Path.GetDirectoryName(initrd)!))
            .Add("files", BootFiles.Exported.Select(files.Locate).Select(f => Path.GetRelativePath(packages.Folder, f)))
            .Add("starter", BootFiles.EfiLoaders.Select(s => $"{s.Path}={Path.GetRelativePath(packages.Folder, files.Locate(s.Name))}"))
            .ToKey();
        var folder = await context.StageAsync("boot", key, async work =>
        {
            var export = Directory.CreateDirectory(work.At("content/export")).FullName;
            foreach (var name in BootFiles.Exported) File.Copy(files.Locate(name), Path.Combine(export, name));
            File.Copy(initrd, Path.Combine(export, "initrd.img"));
            foreach (var (path, name) in BootFiles.EfiLoaders)
            {
                var target = work.At($"content/starter/{path}");
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(files.Locate(name), target);
            }
            foreach (var file in Directory.EnumerateFiles(work.At("content"), "*", SearchOption.AllDirectories)) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            await work.RunAsync(ExternalCommand.Of("cp", "--archive", "--reflink=auto", Path.GetDirectoryName(modules.Directory)!, work.At("content/modules"))).ConfigureAwait(false);
            var epoch = packages.Epoch.ToString(CultureInfo.InvariantCulture);
            // Dates come from options alone: mksquashfs refuses them together with SOURCE_DATE_EPOCH.
            await work.RunAsync(ExternalCommand.Of("mksquashfs", work.At("content"), work.At("boot.squashfs"),
                    "-noappend", "-no-progress", "-quiet", "-comp", "zstd", "-Xcompression-level", "9", "-b", "128K",
                    "-all-root", "-no-xattrs", "-no-exports", "-mkfs-time", epoch, "-all-time", epoch)
                .WithEnvironment("SOURCE_DATE_EPOCH", null)).ConfigureAwait(false);
            Directory.Delete(work.At("content"), recursive: true);
            await using var volume = File.OpenRead(work.At("boot.squashfs"));
            await File.WriteAllTextAsync(work.At("digest"), Convert.ToHexStringLower(await SHA256.HashDataAsync(volume).ConfigureAwait(false))).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return new BootVolume(Path.Combine(folder, "boot.squashfs"), await File.ReadAllTextAsync(Path.Combine(folder, "digest"), context.Cancellation).ConfigureAwait(false));
    }
}
