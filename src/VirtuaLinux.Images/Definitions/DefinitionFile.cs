using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using VirtuaLinux.Images.Packages;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Loads one file that describes an image or a distribution: form, then meaning. Never throws, whatever the text is.</summary>
public static partial class DefinitionFile
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
        Load(fileName, text, DefinitionJson.Default.ImageDefinition, i => i.Version, (file, image) => CheckImage(file, image, distributions)) is var (file, errors) && errors.Count == 0 ? (file.Value, []) : (null, errors);

    /// <summary>Loads the facts of one overlay, without what is beneath it.</summary>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    /// <returns>The file with its facts, and everything that is wrong with them.</returns>
    internal static (Loaded<Distribution> File, IReadOnlyList<Diagnostic> Errors) LoadFacts(string fileName, string text) =>
        Load(fileName, text, DefinitionJson.Default.Distribution, d => d.Version, CheckFacts);

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

    private static IEnumerable<Diagnostic> CheckFacts(Loaded<Distribution> file, Distribution facts)
    {
        if (facts.PackageManager.Length > 0 && !PackageManager.Names.Contains(facts.PackageManager))
            yield return file.At("packageManager", $"packageManager '{facts.PackageManager}' is not known", AdviceOnPackageManager);
        if (facts.Architecture.Length > 0 && facts.Architecture != Distribution.SupportedArchitecture)
            yield return file.At("architecture", $"architecture '{facts.Architecture}' is not supported yet, and an image for another processor than the build machine's cannot be built", $"write architecture: {Distribution.SupportedArchitecture}, or remove the line");
        if (facts.Archive.Length > 0 && !IsUri(facts.Archive)) yield return file.At("archive", $"archive '{facts.Archive}' is no URI", "write it as http://archive.example.org/ubuntu");
        for (var i = 0; i < facts.Keys.Count; i++)
            if (facts.Keys[i].Trim().Length == 0) yield return file.At($"keys[{i}]", "the key file has no name", "write the path of a file, or remove the line");
        for (var i = 0; i < facts.Repositories.Count; i++)
            foreach (var fault in CheckRepository(file, $"repositories[{i}]", facts.Repositories[i], facts.Repositories.Take(i))) yield return fault;
        foreach (var (name, role) in facts.Roles)
            foreach (var fault in CheckRole(file, $"roles.{name}", name, role)) yield return fault;
    }

    private static IEnumerable<Diagnostic> CheckRepository(Loaded<Distribution> file, string path, PackageRepository repository, IEnumerable<PackageRepository> before)
    {
        // dnf takes it as the name of a section of its configuration, whose section main is its own, and of a folder (dnf.conf(5)).
        if (repository.Name == "main" || !RepositoryName().IsMatch(repository.Name)) yield return file.At($"{path}.name", $"'{repository.Name}' is not the name of a repository", "write letters, digits, dots, hyphens and underscores, as in baseos");
        if (before.Any(b => b.Name == repository.Name)) yield return file.At($"{path}.name", $"there are two repositories '{repository.Name}'", "give each a name of its own");
        if (!IsUri(repository.BaseUrl)) yield return file.At($"{path}.baseUrl", $"baseUrl '{repository.BaseUrl}' is no URI", "write it as https://mirror.example.org/$releasever/BaseOS/$basearch/os/");
    }

    private static IEnumerable<Diagnostic> CheckRole(Loaded<Distribution> file, string path, string name, RoleFacts facts)
    {
        if (Role.All.FirstOrDefault(r => r.Name == name) is not { } role)
            yield return file.At(path, $"there is no role '{name}'", $"write one of: {string.Join(", ", Role.All.Select(r => r.Name))}");
        else if (role.Use == RoleUse.Unpacked && facts.Enable.Count + facts.Disable.Count + facts.Mask.Count > 0)
            yield return file.At(path, $"packages of the role '{name}' are unpacked and not installed, and have no units in the root", "remove enable, disable and mask");
        if (facts.Lacks.Length > 0 && !facts.IsEmpty)
            yield return file.At($"{path}.lacks", $"the role '{name}' is lacking, and yet has packages or units", "write either lacks or the others");
    }

    /// <summary>What a distribution must say, itself or by what it extends.</summary>
    internal static IEnumerable<Diagnostic> CheckWhole(Loaded<Distribution> file, Distribution facts)
    {
        if (facts.PackageManager.Length == 0) yield return file.At("packageManager", "'packageManager' is missing", AdviceOnPackageManager);
        foreach (var (key, advice) in PackageManager.Missing(facts)) yield return file.At(key, $"'{key}' is missing", advice);
        if (facts.PackageManager != PackageManager.Dnf) yield break;
        // It would stand for the host of every repository, as a mirror does.
        if (facts.Archive.Length > 0) yield return file.At("archive", "dnf has repositories, and no archive", "write it as the baseUrl of a repository, and drop archive");
        // The last of them are the file's own.
        var beneath = facts.PathExclude.Count - file.Value!.PathExclude.Count;
        foreach (var (index, path) in facts.PathExclude.Index())
            if (RpmMacros.NetSharedPath(path) is null) yield return file.At(index < beneath ? "pathExclude" : $"pathExclude[{index - beneath}]", $"'{path}': rpm leaves out whole folders and single files only", "write it as /usr/share/man/* or without wildcards");
        if (facts.PathInclude.Count > 0) yield return file.At("pathInclude", "rpm knows no exceptions to what it leaves out", "leave out less in pathExclude, and drop pathInclude");
    }

    private static string AdviceOnPackageManager => $"write packageManager: {string.Join(" or ", PackageManager.Names)}";

    /// <summary>An absolute one, whose package manager may know variables in it.</summary>
    private static bool IsUri(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "ftp" or "file" && text.Contains("://", StringComparison.Ordinal);

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    private static partial Regex RepositoryName();

    private static (Loaded<T> File, IReadOnlyList<Diagnostic> Errors) Load<T>(string fileName, string text, JsonTypeInfo<T> type, Func<T, int> version, Func<Loaded<T>, T, IEnumerable<Diagnostic>> check) where T : class
    {
        var file = YamlFile.Load(fileName, text, type);
        if (file.Value is not { } value) return (file, file.Errors);
        return (file, version(value) == FormatVersion
            ? [.. check(file, value).OrderBy(e => e.Line)]
            : [file.At("version", $"version {version(value)} of this file is not known", $"write version: {FormatVersion}")]);
    }
}
