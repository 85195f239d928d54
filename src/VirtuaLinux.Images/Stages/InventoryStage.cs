using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Stages;

/// <summary>Finds out what every installed package is: its digest as the package archive signed it, its source, its licence.</summary>
internal static class InventoryStage
{
    /// <summary>What the package manager leaves beside the root: what the archive says of the packages.</summary>
    public const string Available = "available";

    public static async Task<PackageInventory> RunAsync(BuildContext context, PackageSet packages)
    {
        var manager = PackageManager.For(context.Definitions.Distribution, context.Definitions.Templates);
        var available = await AvailableAsync(context, packages).ConfigureAwait(false);
        var key = new StageKey("inventory 1")
            .Add("packages", packages.Identity)
            .Add("available", available)
            .Add("suite", manager.Release)
            .Add("components", manager.Components)
            .ToKey();
        var folder = await context.StageAsync("inventory", key, async work =>
        {
            var inventory = PackageInventory.Read(manager.Format, packages.Root, packages.Boot, available, manager.Release, manager.Components);
            if (inventory.Packages.Where(p => p.Sha256 is null).Select(p => p.Name).ToList() is { Count: > 0 } unknown)
                work.Warn($"the package archive does not have the installed version of {Few(unknown)} any more, so the digest is not known; --refresh takes what it has now");
            await File.WriteAllTextAsync(work.At("inventory.json"), JsonSerializer.Serialize(inventory, InventoryJson.Readable.PackageInventory)).ConfigureAwait(false);
        }).ConfigureAwait(false);
        var text = await File.ReadAllTextAsync(Path.Combine(folder, "inventory.json"), context.Cancellation).ConfigureAwait(false);
        return JsonSerializer.Deserialize(text, InventoryJson.Readable.PackageInventory)!;
    }

    /// <summary>What the archive said when the packages were installed; for packages that an older version of this program installed, what it says now.</summary>
    private static async Task<string> AvailableAsync(BuildContext context, PackageSet packages)
    {
        var kept = Path.Combine(packages.Folder, Available);
        if (!File.Exists(kept))
        {
            var key = new StageKey("archive 1").Add("packages", packages.Identity).Add("mirror", context.Mirror ?? "").ToKey();
            try
            {
                var folder = await context.StageAsync("archive", key, work => FetchAsync(work, packages)).ConfigureAwait(false);
                kept = Path.Combine(folder, Available);
            }
            catch (FailureException e)
            {
                // The image is the same with and without: a vendor without network goes on.
                context.Warn("archive", $"digests of the packages are not known: {e.Message}; --refresh installs them anew and keeps the digests");
                return "";
            }
        }
        return await File.ReadAllTextAsync(kept, context.Cancellation).ConfigureAwait(false);
    }

    /// <summary>Fetches the archive's lists with the sources and the keys of the root, which stays as it is.</summary>
    private static async Task FetchAsync(StageWork work, PackageSet packages)
    {
        var lists = Directory.CreateDirectory(work.At("lists")).FullName;
        Directory.CreateDirectory(Path.Combine(lists, "partial"));
        work.Say("fetching the package archive's lists");
        await work.RunAsync(ExternalCommand.Of("apt-get",
            "-o", $"Dir={packages.Root}",
            "-o", $"Dir::State::lists={lists}",
            "-o", $"Dir::State::status={packages.Root}/var/lib/dpkg/status",
            "-o", $"Dir::Cache={work.At("cache")}",
            "-o", "APT::Sandbox::User=root",
            "-o", "APT::Update::Error-Mode=any",
            "-o", "Acquire::GzipIndexes=false",
            "-o", "Acquire::Languages=none",
            "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "-o", "Debug::NoLocking=true",
            "update")).ConfigureAwait(false);
        await InstalledPackage.SelectAsync(packages.Root, packages.Boot, Directory.EnumerateFiles(lists, "*_Packages").Order(StringComparer.Ordinal), work.At(Available)).ConfigureAwait(false);
        DirectoryTree.Delete(lists);
        if (Directory.Exists(work.At("cache"))) DirectoryTree.Delete(work.At("cache"));
    }

    private static string Few(List<string> names) => string.Join(", ", names.Take(5)) + (names.Count > 5 ? $" and {names.Count - 5} more" : "");
}
