namespace VirtuaLinux.Images.Definitions;

/// <summary>A repository of packages, for distributions whose archive is no single URI.</summary>
public sealed record PackageRepository
{
    /// <summary>Name, such as <c>baseos</c>.</summary>
    public required string Name { get; set; }

    /// <summary>URI of the folder that has <c>repodata</c>; variables such as <c>$releasever</c> are the package manager's own.</summary>
    public required string BaseUrl { get; set; }

    /// <summary>Whether its metadata is signed too (<c>repomd.xml.asc</c>); refused if it is not, unless this is <c>false</c>. The packages' own signatures are checked in any case.</summary>
    public bool SignedMetadata { get; set; } = true;
}
