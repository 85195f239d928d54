namespace VirtuaLinux.Storage;

/// <summary>What a node's pool is found to be before it is used.</summary>
public enum PoolState
{
    /// <summary>Its metadata are sound.</summary>
    Sound,

    /// <summary>Its metadata were repaired: the file system in it may have lost what was written last, and has to be checked too.</summary>
    Repaired,

    /// <summary>It has no metadata yet: the kernel makes it an empty pool.</summary>
    New,
}
