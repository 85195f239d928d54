using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>No root can be had back from the metadata of a node's pool.</summary>
public sealed class PoolBeyondRepairException(string message, Exception? inner = null) : FailureException(message, inner);
