using System.Text;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Inventory;

/// <summary>RPM packages. What is told of them was read from the files that were installed, so it is written and read here.</summary>
public sealed class RpmPackages : IPackageFormat
{
    /// <inheritdoc/>
    public string Type => "rpm";

    /// <summary>Writes what is known of packages, as paragraphs of fields.</summary>
    /// <param name="installed">What the root's database has.</param>
    /// <param name="files">The files that were installed.</param>
    /// <param name="boot">The files that were unpacked.</param>
    internal static string Write(IEnumerable<RpmName> installed, IReadOnlyList<RpmFile> files, IEnumerable<RpmFile> boot)
    {
        var known = files.ToDictionary(f => f.Name);
        var text = new StringBuilder();
        void Add(RpmName name, RpmFile? file, string part)
        {
            void Field(string field, string? value)
            {
                // One line a field: what rpm has no value for is '(none)'.
                if (value is not (null or "" or "(none)")) text.Append(field).Append(": ").AppendJoin(' ', value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Append('\n');
            }
            Field("Package", name.Name);
            Field("Version", name.Version);
            Field("Architecture", name.Architecture);
            Field("Part", part);
            Field("Source", file?.Source);
            Field("Homepage", file?.Homepage);
            Field("License", file?.License);
            Field("Size", file is null ? null : $"{new FileInfo(file.File).Length}");
            Field("SHA256", file is null ? null : DigestList.DigestOf(file.File));
            text.Append('\n');
        }
        foreach (var name in installed.OrderBy(n => n.ToString(), StringComparer.Ordinal)) Add(name, known.GetValueOrDefault(name), "root");
        foreach (var file in boot.OrderBy(f => f.Name.ToString(), StringComparer.Ordinal)) Add(file.Name, file, "boot");
        return text.ToString();
    }

    /// <inheritdoc/>
    public IEnumerable<InventoryPackage> Read(string root, string boot, string available, IDictionary<string, string> licenses)
    {
        using var text = new StringReader(available);
        return [.. ControlFile.Read(text).Select(fields => Describe(fields, licenses))];
    }

    private static InventoryPackage Describe(IReadOnlyDictionary<string, string> fields, IDictionary<string, string> licenses)
    {
        var (source, sourceVersion) = SourceOf(fields.GetValueOrDefault("Source"), fields["Package"], fields["Version"]);
        var (license, texts) = LicenseTag.Read(fields.GetValueOrDefault("License") ?? "");
        foreach (var (reference, text) in texts) licenses[reference] = text;
        return new InventoryPackage
        {
            Name = fields["Package"],
            Version = fields["Version"],
            Architecture = fields.GetValueOrDefault("Architecture"),
            Source = source,
            SourceVersion = sourceVersion,
            Sha256 = PackageInventory.DigestOf(fields.GetValueOrDefault("SHA256")),
            Size = long.TryParse(fields.GetValueOrDefault("Size"), out var size) ? size : null,
            License = license,
            Homepage = PackageInventory.PageOf(fields.GetValueOrDefault("Homepage")),
            Boot = fields.GetValueOrDefault("Part") == "boot",
        };
    }

    /// <summary>The source package's file says name, version and release: <c>bash-5.2.26-6.el10.src.rpm</c>.</summary>
    private static (string Name, string Version) SourceOf(string? file, string name, string version)
    {
        if (file is null || !file.EndsWith("src.rpm", StringComparison.Ordinal)) return (name, version);
        var whole = file[..file.LastIndexOf('.', file.Length - 5)];
        var release = whole.LastIndexOf('-');
        var end = release > 0 ? whole.LastIndexOf('-', release - 1) : -1;
        return end > 0 ? (whole[..end], whole[(end + 1)..]) : (name, version);
    }
}
