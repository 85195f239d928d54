using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Initrd;

namespace VirtuaLinux.Images.Stages;

/// <summary>The greater part of the initrd, which changes with the packages only: modules, firmware, tools and libraries, as a compressed archive of its own.</summary>
internal static class ToolsStage
{
    /// <summary>A tenth smaller than at level 10 and several times slower; worth it for what changes with the packages only.</summary>
    private const int CompressionLevel = 17;

    public static async Task<string> RunAsync(BuildContext context, PackageSet packages, ModuleTree modules)
    {
        var recipe = Path.Combine(context.Definitions.Templates, "initrd");
        var key = new StageKey("tools 1")
            .Add("packages", packages.Identity)
            .Add("epoch", packages.Epoch)
            .Add("modules", Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(modules.Directory)!)!))
            .AddFile("module list", Path.Combine(recipe, "modules"))
            .AddFile("program list", Path.Combine(recipe, "programs"))
            .ToKey();
        var folder = await context.StageAsync("tools", key, async work =>
        {
            var archive = new CpioArchive(packages.Epoch);
            var contents = new InitrdContents(archive, packages.Root);
            contents.AddSkeleton();
            var programs = Path.Combine(recipe, "programs");
            contents.AddPrograms(File.ReadLines(programs), programs);
            await AddAppletsAsync(work, packages, archive).ConfigureAwait(false);
            await AddModulesAsync(work, packages, modules, recipe, contents).ConfigureAwait(false);
            await CompressAsync(work, archive, "tools.cpio", CompressionLevel).ConfigureAwait(false);
            Directory.Delete(work.At(modules.KernelRelease), recursive: true);
        }).ConfigureAwait(false);
        return Path.Combine(folder, "tools.cpio.zst");
    }

    /// <summary>Writes an archive and compresses it. It ends on a multiple of four bytes, so that another archive may follow.</summary>
    public static async Task CompressAsync(StageWork work, CpioArchive archive, string name, int level)
    {
        work.Say("compressing");
        var plain = work.At(name);
        await using (var file = new FileStream(plain, FileMode.CreateNew)) archive.WriteTo(file);
        await work.RunAsync(ExternalCommand.Of("zstd", "-q", "-T0", $"-{level}", "--rm", plain, "-o", plain + ".zst")).ConfigureAwait(false);
        await using var compressed = new FileStream(plain + ".zst", FileMode.Append);
        compressed.Write(new byte[(4 - compressed.Length % 4) % 4]);
    }

    /// <summary>busybox stands in for all small programs that the image's own tools do not bring.</summary>
    private static async Task AddAppletsAsync(StageWork work, PackageSet packages, CpioArchive archive)
    {
        const string busybox = "usr/bin/busybox";
        var program = Path.Combine(packages.Root, busybox);
        if (!File.Exists(program)) throw new FailureException("no package of the image brings busybox; add it to the role 'base' in the overlay's distribution.yaml");
        var applets = await work.RunAsync(ExternalCommand.Of(program, "--list")).ConfigureAwait(false);
        archive.AddFileFrom(busybox, program, executable: true);
        foreach (var applet in applets.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            if (!archive.Contains($"usr/sbin/{applet}") && !archive.Contains($"usr/bin/{applet}")) archive.AddLink($"usr/bin/{applet}", "busybox");
    }

    private static async Task AddModulesAsync(StageWork work, PackageSet packages, ModuleTree modules, string recipe, InitrdContents contents)
    {
        work.Say("choosing kernel modules");
        var list = Path.Combine(recipe, "modules");
        var kernel = new KernelModules(modules.Directory);
        var chosen = kernel.Select(File.ReadLines(list), list);
        var subset = Directory.CreateDirectory(work.At(modules.KernelRelease)).FullName;
        var firmware = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var path in chosen.Select(kernel.PathOf))
        {
            // Uncompressed: the archive as a whole is compressed, and better than each module by itself.
            var content = ModuleFile.Read(Path.Combine(modules.Directory, path));
            var plain = Path.Combine(subset, path[..(path.LastIndexOf(".ko", StringComparison.Ordinal) + 3)]);
            Directory.CreateDirectory(Path.GetDirectoryName(plain)!);
            await File.WriteAllBytesAsync(plain, content).ConfigureAwait(false);
            if (!ElfFile.TryParse(content, out var elf)) throw new FailureException($"{path}: not a kernel module");
            firmware.UnionWith(elf.ModuleInfo.Where(i => i.StartsWith("firmware=", StringComparison.Ordinal)).Select(i => i["firmware=".Length..]));
        }
        foreach (var index in (string[])["modules.order", "modules.builtin", "modules.builtin.modinfo"]) File.Copy(Path.Combine(modules.Directory, index), Path.Combine(subset, index));
        await ModulesStage.DependAsync(work, packages, subset).ConfigureAwait(false);
        contents.AddModules(subset, modules.KernelRelease);
        var missing = contents.AddFirmware(firmware);
        work.Say($"{chosen.Count} modules, {firmware.Count - missing.Count} of {firmware.Count} firmware files that they name");
        await File.WriteAllLinesAsync(work.At("missing-firmware"), missing).ConfigureAwait(false);
    }
}
