using System.Globalization;

namespace VirtuaLinux.Images.Packages;

/// <summary>A downloaded RPM package.</summary>
/// <param name="File">Its file.</param>
/// <param name="Name">Name, version and architecture.</param>
/// <param name="Built">When it was built, in seconds since 1970 (UTC).</param>
/// <param name="Source">Name of the source package's file.</param>
/// <param name="Homepage">The project's page.</param>
/// <param name="License">Its licence tag.</param>
internal sealed record RpmFile(string File, RpmName Name, long Built, string Source, string Homepage, string License)
{
    /// <summary>How rpm is to print it (rpm-queryformat(7)).</summary>
    public const string Format = RpmName.Format + @"\t%{BUILDTIME}\t%{SOURCERPM}\t%{URL}\t%{LICENSE}\f";

    /// <summary>Reads what rpm printed of files, in their order.</summary>
    public static List<RpmFile> Read(string printed, IReadOnlyList<string> files)
    {
        var headers = printed.Split('\f', StringSplitOptions.RemoveEmptyEntries);
        if (headers.Length != files.Count) throw new FormatException($"rpm told of {headers.Length} of {files.Count} packages");
        return [.. headers.Zip(files, (header, file) => header.Split('\t') is [var name, var version, var architecture, var built, var source, var page, .. var license]
            ? new RpmFile(file, new(name, version, architecture), long.Parse(built, CultureInfo.InvariantCulture), source, page, string.Join(' ', license))
            : throw new FormatException($"rpm said '{header}'"))];
    }
}
