namespace VirtuaLinux.NetBoot;

/// <summary>A path that streams something of unknown length, over TLS alone.</summary>
public sealed record BootDownload
{
    /// <summary>Path with a leading slash, such as <c>/backup/local</c>.</summary>
    public required string Path { get; init; }

    /// <summary>Whether this client gets it; otherwise it is not there (404). Called on any thread.</summary>
    public required Func<ClientEndpoint, bool> Allows { get; init; }

    /// <summary>Writes it. What it throws breaks the connection, so that the client never takes a part for the whole.</summary>
    public required Func<Stream, CancellationToken, Task> WriteAsync { get; init; }
}
