using System.Text.Json.Serialization.Metadata;
using VirtuaLinux.Images.Packages;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Loads one file that describes an image or a distribution: form, then meaning. Never throws, whatever the text is.</summary>
public static class DefinitionFile
{
    /// <summary>Folder of the overlay that holds for all distributions.</summary>
    public const string Common = "common";

    /// <summary>Name of the file with an overlay's facts.</summary>
    public const string FactsName = "distribution.yaml";

    private const int FormatVersion = 1;

    /// <summary>Loads an image definition.</summary>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="distributions">The distributions that there are.</param>
    /// <returns>The definition, or null and everything that is wrong with it.</returns>
    public static (ImageDefinition? Image, IReadOnlyList<Diagnostic> Errors) LoadImage(string fileName, string text, IReadOnlyCollection<string> distributions) =>
        Load(fileName, text, DefinitionJson.Default.ImageDefinition, i => i.Version, (file, image) => CheckImage(file, image, distributions));

    /// <summary>Loads the facts of an overlay.</summary>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="isCommon">Whether it is the overlay of all distributions, which need not say where packages come from.</param>
    /// <returns>The facts, or null and everything that is wrong with them.</returns>
    public static (Distribution? Distribution, IReadOnlyList<Diagnostic> Errors) LoadDistribution(string fileName, string text, bool isCommon) =>
        Load(fileName, text, DefinitionJson.Default.Distribution, d => d.Version, (file, facts) => CheckDistribution(file, facts, isCommon));

    /// <summary>Names of the distributions in a folder of overlays, sorted.</summary>
    public static IReadOnlyList<string> Distributions(string overlays) =>
        [.. Directory.GetDirectories(overlays).Where(d => File.Exists(Path.Combine(d, FactsName))).Select(d => Path.GetFileName(d)).Where(n => n != Common).Order(StringComparer.Ordinal)];

    /// <summary>The vendor's keys of a definition that was loaded without errors.</summary>
    internal static IReadOnlyList<VendorKey> KeysOf(string fileName, ImageDefinition image) =>
        [.. image.Signing.Keys.SelectMany(k => VendorKey.TryReadAll(File.ReadAllText(KeyFile(fileName, k)), out var keys, out _) ? keys : []).DistinctBy(k => k.Fingerprint)];

    private static string KeyFile(string fileName, string key) => Path.Combine(Path.GetDirectoryName(fileName) ?? "", key);

    private static string? KeyFault(string path)
    {
        try
        {
            return VendorKey.TryReadAll(File.ReadAllText(path), out _, out var reason) ? null : reason;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : e.Message;
        }
    }

    private static IEnumerable<Diagnostic> CheckImage(Loaded<ImageDefinition> file, ImageDefinition image, IReadOnlyCollection<string> distributions)
    {
        if (!distributions.Contains(image.Distribution)) yield return file.At("distribution", $"there is no distribution '{image.Distribution}'", $"write one of: {string.Join(", ", distributions)}; or add its folder under overlays/");
        if (image.RootSize.Bytes <= 0 || image.RootSize.Bytes % ByteSize.FromMiB(1).Bytes != 0) yield return file.At("rootSize", $"rootSize {image.RootSize} is not a multiple of 1MiB", "write it as 2GiB");
        for (var index = 0; index < image.Signing.Keys.Count; index++)
            if (KeyFile(file.File, image.Signing.Keys[index]) is var key && KeyFault(key) is { } fault)
                yield return file.At($"signing.keys[{index}]", $"{key}: {fault}", "write the path of a public key in PEM, relative to this file: 'openssl pkey -in vendor.key -pubout -out vendor.pem'");
    }

    private static IEnumerable<Diagnostic> CheckDistribution(Loaded<Distribution> file, Distribution facts, bool isCommon)
    {
        if (facts.PackageManager.Length > 0 ? !PackageManager.Names.Contains(facts.PackageManager) : !isCommon)
            yield return file.At("packageManager", facts.PackageManager.Length == 0 ? "'packageManager' is missing" : $"packageManager '{facts.PackageManager}' is not known", $"write packageManager: {string.Join(" or ", PackageManager.Names)}");
        if (facts.Suite.Length == 0 && !isCommon) yield return file.At("suite", "'suite' is missing", "add the release's name in its package archive, such as suite: trixie");
    }

    private static (T? Value, IReadOnlyList<Diagnostic> Errors) Load<T>(string fileName, string text, JsonTypeInfo<T> type, Func<T, int> version, Func<Loaded<T>, T, IEnumerable<Diagnostic>> check) where T : class
    {
        var file = YamlFile.Load(fileName, text, type);
        if (file.Value is not { } value) return (null, file.Errors);
        IReadOnlyList<Diagnostic> errors = version(value) == FormatVersion
            ? [.. check(file, value).OrderBy(e => e.Line)]
            : [file.At("version", $"version {version(value)} of this file is not known", $"write version: {FormatVersion}")];
        return errors.Count == 0 ? (value, []) : (null, errors);
    }
}
