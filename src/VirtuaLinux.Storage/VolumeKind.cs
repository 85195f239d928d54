namespace VirtuaLinux.Storage;

/// <summary>What a volume of the group is for.</summary>
public enum VolumeKind
{
    /// <summary>An image's root, which all roots of that image share.</summary>
    Origin,

    /// <summary>An image's boot files.</summary>
    Boot,

    /// <summary>A node's exception store: the data of its pool.</summary>
    Store,

    /// <summary>The metadata of its pool.</summary>
    StoreMetadata,

    /// <summary>A node's <c>local</c> volume.</summary>
    Local,

    /// <summary>The volume that all nodes share.</summary>
    Shared,
}
