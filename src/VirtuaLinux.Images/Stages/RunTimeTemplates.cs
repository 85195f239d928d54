using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;

namespace VirtuaLinux.Images.Stages;

/// <summary>The templates that an image carries: all but those that only builds and the lab use.</summary>
internal static class RunTimeTemplates
{
    /// <summary>Where root and initrd keep them.</summary>
    public const string Directory = "usr/share/virtualinux/templates";

    private static readonly string[] BuildOnly = ["distro", "initrd", "iso", "lab", "packages"];

    /// <summary>Their folders, sorted.</summary>
    public static IEnumerable<string> Folders(string templates) =>
        System.IO.Directory.EnumerateDirectories(templates).Where(d => !BuildOnly.Contains(Path.GetFileName(d))).Order(StringComparer.Ordinal);

    /// <summary>Adds the vendor's keys to a stage's key; where there are none, that stays what it was.</summary>
    public static StageKey AddVendorKeys(this StageKey key, DefinitionSet definitions) => definitions.VendorKeysText is { Length: > 0 } keys ? key.Add("vendor keys", keys) : key;

    /// <summary>Adds them to a stage's key.</summary>
    public static StageKey AddRunTimeTemplates(this StageKey key, string templates)
    {
        foreach (var folder in Folders(templates)) key.AddDirectory(Path.GetFileName(folder), folder);
        return key;
    }
}
