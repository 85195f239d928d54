namespace VirtuaLinux.Images.Definitions;

/// <summary>A repository of packages, for distributions whose archive is no single URI.</summary>
public sealed record PackageRepository
{
    /// <summary>Name, such as <c>baseos</c>.</summary>
    public required string Name { get; set; }

    /// <summary>URI of its folder; variables such as <c>$releasever</c> are the package manager's own.</summary>
    public required string BaseUrl { get; set; }
}
