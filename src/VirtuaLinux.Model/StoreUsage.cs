namespace VirtuaLinux.Model;

/// <summary>How full a node's own volumes are. Sizes are bytes.</summary>
public sealed record StoreUsage
{
    /// <summary>What the node changed of its root: data in use in its exception store.</summary>
    public required long DataUsed { get; init; }

    /// <summary>What the exception store has now.</summary>
    public required long DataSize { get; init; }

    /// <summary>Metadata of the exception store in use.</summary>
    public required long MetadataUsed { get; init; }

    /// <summary>Metadata that it has.</summary>
    public required long MetadataSize { get; init; }

    /// <summary>In use on <c>local</c>.</summary>
    public required long LocalUsed { get; init; }

    /// <summary>Size of <c>local</c>'s file system.</summary>
    public required long LocalSize { get; init; }

    /// <summary>The part of <see cref="DataUsed"/> that is of the root that runs; the rest is of roots that are kept. Absent where it is not known.</summary>
    public long? RootChanged { get; init; }

    /// <summary>In use on the volume that all nodes share; told by the node that serves it alone.</summary>
    public long? SharedUsed { get; init; }

    /// <summary>Size of the file system of the volume that all nodes share; likewise.</summary>
    public long? SharedSize { get; init; }

    /// <summary>Those of <c>local</c> and <c>shared</c> that are nearly full; absent when none is.</summary>
    public IReadOnlyList<string>? NearlyFull { get; init; }

    /// <summary>How much the exception store gained a day, over the time that it was watched; absent in the first hour.</summary>
    public double? FillPerDay { get; init; }

    /// <summary>The same of <c>local</c>.</summary>
    public double? LocalFillPerDay { get; init; }

    /// <summary>The same of the volume that all nodes share.</summary>
    public double? SharedFillPerDay { get; init; }

    /// <summary><c>enough</c>, <c>low</c>, <c>full</c> or <c>damaged</c>.</summary>
    public required string Level { get; init; }
}
