using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>What the steps of an installation work with.</summary>
public sealed record InstallContext
{
    /// <summary>Runs programs.</summary>
    public required ICommandRunner Runner { get; init; }

    /// <summary>The metamaster's voice.</summary>
    public required InstallConsole Console { get; init; }

    /// <summary>The site as the technician brought it.</summary>
    public required Site Site { get; init; }

    /// <summary>This machine.</summary>
    public required ManifestNode Self { get; init; }

    /// <summary>The image on the medium.</summary>
    public required ImageInfo Image { get; init; }

    /// <summary>Folder of the medium's <c>virtualinux</c> files.</summary>
    public required string Medium { get; init; }

    /// <summary>The LUN.</summary>
    public required string Disk { get; init; }

    /// <summary>CHAP secret, if the SAN asks for one.</summary>
    public string? ChapSecret { get; init; }
}
