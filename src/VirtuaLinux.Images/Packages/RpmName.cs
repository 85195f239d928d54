namespace VirtuaLinux.Images.Packages;

/// <summary>What tells an RPM package from all others.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Epoch (if it has one), version and release: <c>1:2.0-3.el10</c>.</param>
/// <param name="Architecture">Its architecture.</param>
internal sealed record RpmName(string Name, string Version, string Architecture)
{
    /// <summary>How rpm is to print it (rpm-queryformat(7)).</summary>
    public const string Format = @"%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{ARCH}";

    public static RpmName Parse(string line) => line.Split('\t') is [var name, var version, var architecture] ? new(name, version, architecture) : throw new FormatException($"rpm said '{line}'");
}
