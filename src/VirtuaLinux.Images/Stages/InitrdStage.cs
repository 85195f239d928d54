using System.Text;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>The initrd: the archive of tools, and behind it a small one with what changes with the product.</summary>
internal static class InitrdStage
{
    /// <summary>Quick, as it is compressed anew with every change of the product.</summary>
    private const int CompressionLevel = 10;

    private const string KernelRelease = "usr/share/virtualinux/kernel-release";

    public static async Task<string> RunAsync(BuildContext context, PackageSet packages, ModuleTree modules, string tools)
    {
        var templates = context.Definitions.Templates;
        var key = new StageKey("initrd 1")
            .Add("tools", Path.GetFileName(Path.GetDirectoryName(tools)!))
            .Add("epoch", packages.Epoch)
            .AddFile("program", context.Options.ProgramPath)
            .AddFile("init", Path.Combine(templates, "initrd", "init"))
            .AddVendorKeys(context.Definitions)
            .AddRunTimeTemplates(templates)
            .ToKey();
        var folder = await context.StageAsync("initrd", key, async work =>
        {
            var archive = new CpioArchive(packages.Epoch);
            var contents = new InitrdContents(archive, packages.Root);
            contents.AddProgram("usr/bin/virtualinux", context.Options.ProgramPath);
            archive.AddFileFrom("init", Path.Combine(templates, "initrd", "init"), executable: true);
            archive.AddFile(KernelRelease, Encoding.ASCII.GetBytes(modules.KernelRelease + "\n"));
            if (context.Definitions.VendorKeysText is { Length: > 0 } keys) archive.AddFile(VendorKey.File, Encoding.ASCII.GetBytes(keys));
            foreach (var file in RunTimeTemplates.Folders(templates).SelectMany(f => Directory.EnumerateFiles(f, "*", SearchOption.AllDirectories)))
                archive.AddFileFrom($"{RunTimeTemplates.Directory}/{Path.GetRelativePath(templates, file)}", file, StageKey.IsExecutable(file));
            await ToolsStage.CompressAsync(work, archive, "program.cpio", CompressionLevel).ConfigureAwait(false);
            await using (var initrd = new FileStream(work.At("initrd.img"), FileMode.CreateNew))
                foreach (var part in (string[])[tools, work.At("program.cpio.zst")])
                {
                    await using var source = File.OpenRead(part);
                    await source.CopyToAsync(initrd).ConfigureAwait(false);
                }
            File.Delete(work.At("program.cpio.zst"));
        }).ConfigureAwait(false);
        return Path.Combine(folder, "initrd.img");
    }
}
