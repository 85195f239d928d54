using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Inventory;

/// <summary>How a package of one image differs from that of another.</summary>
/// <param name="Package">Name and architecture.</param>
/// <param name="Kind"><c>added</c>, <c>removed</c>, <c>version</c>, <c>licence</c> or <c>rebuilt</c> (the same version under another digest).</param>
/// <param name="Before">What it was; null for an added one.</param>
/// <param name="After">What it is; null for a removed one.</param>
public sealed record PackageChange(string Package, string Kind, string? Before, string? After)
{
    private static readonly string[] Suffixes = [".spdx.json", ".cdx.json", ".lock"];

    /// <summary>What changed from one image to another, sorted by package.</summary>
    /// <param name="before">A lock, a bill of materials (SPDX or CycloneDX, as <c>virtualinux build</c> writes them), or a folder with one image's.</param>
    /// <param name="after">The same of the other image. Licences are compared where both tell them: a lock does not.</param>
    /// <exception cref="FailureException">A file cannot be read, or is none of these.</exception>
    public static IReadOnlyList<PackageChange> Between(string before, string after)
    {
        var (old, now) = (Read(before), Read(after));
        var changes = new List<PackageChange>();
        foreach (var name in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
        {
            if (!old.TryGetValue(name, out var was)) changes.Add(new(name, "added", null, now[name].Version));
            else if (!now.TryGetValue(name, out var has)) changes.Add(new(name, "removed", was.Version, null));
            else
            {
                if (was.Version != has.Version) changes.Add(new(name, "version", was.Version, has.Version));
                else if (was.Digest is not null && has.Digest is not null && was.Digest != has.Digest) changes.Add(new(name, "rebuilt", was.Digest, has.Digest));
                if (was.License is not null && has.License is not null && was.License != has.License) changes.Add(new(name, "licence", was.License, has.License));
            }
        }
        return changes;
    }

    private sealed record Listed(string Version, string? Digest, string? License);

    private static Dictionary<string, Listed> Read(string path)
    {
        var file = Directory.Exists(path) ? FileOf(path) : path;
        try
        {
            var text = File.ReadAllText(file);
            return Join(file.EndsWith(".json", StringComparison.Ordinal) ? ReadJson(file, text) : ReadLock(file, text));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{file}: {e.Message}; name a lock, a bill of materials or a folder with one", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FailureException($"{file}: this is no bill of materials ({e.Message}); name IMAGE.spdx.json, IMAGE.cdx.json or IMAGE.lock", e);
        }
    }

    private static string FileOf(string folder)
    {
        foreach (var suffix in Suffixes)
        {
            if (Directory.GetFiles(folder, "*" + suffix) is not { Length: > 0 } found) continue;
            return found is [var only] ? only : throw new FailureException($"{folder}: it has several images; name the file of one: {string.Join(", ", found.Select(Path.GetFileName).Order(StringComparer.Ordinal))}");
        }
        throw new FailureException($"{folder}: it has no {string.Join(", ", Suffixes.Select(s => $"*{s}"))}; name a folder that 'virtualinux build' wrote to, or a file");
    }

    private static IEnumerable<(string Name, Listed Package)> ReadLock(string file, string text) =>
        PackageLock.Parse(file, text).Packages.Select(p => (Label(p.Name, p.Architecture), new Listed(p.Version, p.Sha256, null)));

    private static List<(string Name, Listed Package)> ReadJson(string file, string text)
    {
        using var document = JsonDocument.Parse(text);
        var root = document.RootElement;
        if (root.TryGetProperty("spdxVersion", out _))
            return [.. root.GetProperty("packages").EnumerateArray().Where(p => p.TryGetProperty("externalRefs", out _)).Select(p => (
                Name(p, p.GetProperty("externalRefs").EnumerateArray().Select(r => r.GetProperty("referenceLocator").GetString()!).FirstOrDefault(r => r.StartsWith("pkg:", StringComparison.Ordinal))),
                new Listed(Text(p, "versionInfo") ?? "", First(p, "checksums", "checksumValue"), Text(p, "licenseDeclared"))))];
        if (root.TryGetProperty("bomFormat", out _))
            return [.. root.GetProperty("components").EnumerateArray().Where(p => p.TryGetProperty("purl", out _)).Select(p => (
                Name(p, Text(p, "purl")),
                new Listed(Text(p, "version") ?? "", First(p, "hashes", "content"), First(p, "licenses", "expression") ?? "NOASSERTION")))];
        throw new FailureException($"{file}: this is neither SPDX nor CycloneDX in JSON; name IMAGE.spdx.json, IMAGE.cdx.json or IMAGE.lock");
    }

    /// <summary>A package that is both in the root and unpacked beside it, or in several versions, counts as one.</summary>
    private static Dictionary<string, Listed> Join(IEnumerable<(string Name, Listed Package)> packages)
    {
        static string? All(IEnumerable<string?> values) => values.OfType<string>().Distinct().Order(StringComparer.Ordinal).ToList() is { Count: > 0 } known ? string.Join(", ", known) : null;
        return packages.GroupBy(p => p.Name, p => p.Package).ToDictionary(g => g.Key, g => new Listed(All(g.Select(p => p.Version)) ?? "", All(g.Select(p => p.Digest)), All(g.Select(p => p.License))));
    }

    private static string Label(string name, string? architecture) => architecture is null ? name : $"{name}:{architecture}";

    private static string Name(JsonElement package, string? purl)
    {
        var query = purl?.Split('?') is [_, var parameters] ? parameters : "";
        return Label(package.GetProperty("name").GetString()!, query.Split('&').FirstOrDefault(q => q.StartsWith("arch=", StringComparison.Ordinal))?[5..]);
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static string? First(JsonElement element, string list, string name) =>
        element.TryGetProperty(list, out var values) ? values.EnumerateArray().Select(v => Text(v, name)).FirstOrDefault(v => v is not null) : null;
}
