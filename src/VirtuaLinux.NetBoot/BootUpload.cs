using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>A path that takes what clients send with POST.</summary>
public sealed record BootUpload
{
    /// <summary>Path with a leading slash, such as <c>/report</c>.</summary>
    public required string Path { get; init; }

    /// <summary>Largest body in bytes; more is refused with 413.</summary>
    public required int MaximumLength { get; init; }

    /// <summary>Takes the sender's address and the whole body; false refuses it with 400. Called on any thread.</summary>
    public required Func<Ipv4Address, ReadOnlyMemory<byte>, bool> Receive { get; init; }
}
