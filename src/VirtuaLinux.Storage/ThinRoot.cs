namespace VirtuaLinux.Storage;

/// <summary>A node's root within its pool, as the node's record has it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="IsUsed">Whether the node has run on it: then it is there, and never made anew.</param>
/// <param name="IsPoolUsed">Whether the node has run on it or on another one that is kept: then the pool is never made anew.</param>
/// <param name="Dropped">Numbers of roots that are deleted first: a pool that is full has room for the new one then.</param>
public sealed record ThinRoot(int Id, bool IsUsed, bool IsPoolUsed, IReadOnlyList<int> Dropped);
