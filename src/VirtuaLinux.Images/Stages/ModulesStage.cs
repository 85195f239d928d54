using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;

namespace VirtuaLinux.Images.Stages;

/// <summary>The kernel's modules as nodes mount them.</summary>
/// <param name="Directory">The folder <c>modules/RELEASE</c>.</param>
/// <param name="KernelRelease">The release, as <c>uname -r</c> prints it.</param>
internal sealed record ModuleTree(string Directory, string KernelRelease);

/// <summary>Takes the kernel's modules out of the boot packages, without those that no node needs, and writes down how they depend on each other.</summary>
internal static class ModulesStage
{
    public static async Task<ModuleTree> RunAsync(BuildContext context, PackageSet packages)
    {
        var source = SourceOf(packages);
        var release = source.Name;
        var exclude = context.Definitions.Distribution.ModulesExclude;
        var key = new StageKey("modules 1").Add("packages", packages.Identity).Add("exclude", exclude).ToKey();
        var folder = await context.StageAsync("modules", key, async work =>
        {
            var modules = work.At($"modules/{release}");
            Directory.CreateDirectory(work.At("modules"));
            await work.RunAsync(ExternalCommand.Of("cp", "--archive", "--reflink=auto", source.FullName, modules)).ConfigureAwait(false);
            foreach (var unwanted in exclude.Select(e => Path.Combine(modules, "kernel", e.Trim('/'))).Where(Directory.Exists)) Directory.Delete(unwanted, recursive: true);
            foreach (var link in (string[])["build", "source"]) File.Delete(Path.Combine(modules, link));
            await DependAsync(work, packages, modules).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return new ModuleTree(Path.Combine(folder, "modules", release), release);
    }

    /// <summary>Runs depmod(8) for a folder of modules, wherever it is.</summary>
    public static async Task DependAsync(StageWork work, PackageSet packages, string modules)
    {
        var release = Path.GetFileName(modules);
        var root = Directory.CreateDirectory(work.At("depmod/lib/modules"));
        Directory.CreateSymbolicLink(Path.Combine(root.FullName, release), modules);
        Directory.CreateSymbolicLink(work.At("depmod/usr"), ".");
        await work.RunAsync(new ImageTool(packages.Root).Call("depmod", "-b", work.At("depmod"), release)).ConfigureAwait(false);
        Directory.Delete(work.At("depmod"), recursive: true);
    }

    /// <summary>The kernel's folder among the boot packages. Those that are older than the merger of /lib into /usr, or never took it up, have it in /lib.</summary>
    private static DirectoryInfo SourceOf(PackageSet packages)
    {
        var found = ((string[])["usr/lib/modules", "lib/modules"]).Select(m => new DirectoryInfo(Path.Combine(packages.Boot, m)))
            .Where(m => m.Exists)
            .SelectMany(m => m.GetDirectories())
            .Where(d => Directory.Exists(Path.Combine(d.FullName, "kernel"))).ToList();
        return found is [var only]
            ? only
            : throw new FailureException($"the packages of the role 'kernel' bring {(found.Count == 0 ? "no kernel" : $"several kernels ({string.Join(", ", found.Select(d => d.Name))})")}; list exactly one in the overlay's distribution.yaml");
    }
}
