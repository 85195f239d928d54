namespace VirtuaLinux.Images.Definitions;

/// <summary>What people describe in files.</summary>
public enum FileKind
{
    /// <summary>A cluster: <c>site.yaml</c>.</summary>
    Site,

    /// <summary>What a vendor ships: <c>images/NAME.yaml</c>.</summary>
    Image,

    /// <summary>The facts of an overlay: <c>overlays/NAME/distribution.yaml</c>.</summary>
    Distribution,
}
