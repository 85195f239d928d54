using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Tree;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>The root's files: the packages, the overlays on top, and the product itself.</summary>
internal static class TreeStage
{
    private const string Program = "usr/bin/virtualinux";

    public static async Task<string> RunAsync(BuildContext context, PackageSet packages, string kernelRelease)
    {
        var definitions = context.Definitions;
        var facts = definitions.Distribution;
        var key = new StageKey("tree 1")
            .Add("packages", packages.Identity)
            .Add("epoch", packages.Epoch)
            .Add("mirror", context.Mirror ?? "")
            .Add("remove", facts.Remove).Add("directories", facts.Directories)
            .Add("enable", facts.Enable).Add("disable", facts.Disable).Add("mask", facts.Mask)
            .Add("model", Model(definitions.Name, definitions.Image.Distribution, kernelRelease).Select(v => $"{v.Key}={v.Value}"))
            .AddVendorKeys(definitions)
            .AddFile("program", context.Options.ProgramPath)
            .AddRunTimeTemplates(definitions.Templates);
        foreach (var overlay in definitions.Overlays)
            foreach (var part in (string[])["files", "build", "node"]) key.AddDirectory(part, Path.Combine(overlay, part));
        return await context.StageAsync("tree", key.ToKey(), work => BuildAsync(work, context, packages, kernelRelease)).ConfigureAwait(false);
    }

    private static async Task BuildAsync(StageWork work, BuildContext context, PackageSet packages, string kernelRelease)
    {
        var definitions = context.Definitions;
        var facts = definitions.Distribution;
        var root = work.Folder;
        work.Say("copying the packages' files");
        await work.RunAsync(ExternalCommand.Of("cp", "--archive", "--reflink=auto", packages.Root + "/.", root)).ConfigureAwait(false);
        RootCleaning.Remove(root, facts.Remove);
        RootCleaning.DatePasswords(root, packages.Epoch);
        foreach (var directory in facts.Directories) Directory.CreateDirectory(Path.Combine(root, directory.Trim('/')));
        foreach (var overlay in definitions.Overlays)
        {
            work.Say($"applying {Path.GetFileName(overlay)}");
            new Overlay(overlay).Apply(root, Model(definitions.Name, definitions.Image.Distribution, kernelRelease));
        }
        Overlay.CopyFile(context.Options.ProgramPath, root, Program);
        foreach (var templates in RunTimeTemplates.Folders(definitions.Templates))
            Overlay.CopyTree(templates, root, $"{RunTimeTemplates.Directory}/{Path.GetFileName(templates)}");
        if (definitions.VendorKeysText is { Length: > 0 } keys) Overlay.WriteFile(root, VendorKey.File, keys);
        await SystemctlAsync(work, "enable", facts.Enable).ConfigureAwait(false);
        await SystemctlAsync(work, "disable", facts.Disable).ConfigureAwait(false);
        await SystemctlAsync(work, "mask", facts.Mask).ConfigureAwait(false);
    }

    private static async Task SystemctlAsync(StageWork work, string verb, IReadOnlyList<string> units)
    {
        if (units.Count == 0) return;
        work.Say($"{verb}: {string.Join(' ', units)}");
        await work.RunAsync(ExternalCommand.Of("chroot", work.Folder, "systemctl", "--no-reload", verb).With(units).WithEnvironment("SYSTEMCTL_SKIP_SYSV", "1")).ConfigureAwait(false);
    }

    /// <summary>What the templates in <c>build/</c> may use.</summary>
    public static Dictionary<string, object?> Model(string image, string distribution, string kernelRelease) => new()
    {
        ["image"] = image,
        ["distribution"] = distribution,
        ["kernel_release"] = kernelRelease,
    };
}
