namespace VirtuaLinux.NetBoot;

/// <summary>A document that is made for each client instead of read from the export directory.</summary>
public sealed record BootDocument
{
    /// <summary>Path with a leading slash, such as <c>/manifest.json</c>; TFTP has it without.</summary>
    public required string Path { get; init; }

    /// <summary>The content for this client; null: there is none for it (404). Called on any thread.</summary>
    public required Func<ClientEndpoint, byte[]?> Render { get; init; }

    /// <summary>Only over TLS; never over plain HTTP or TFTP.</summary>
    public bool SecureOnly { get; init; }

    /// <summary>Leaves no line in the log: peers ask for it every few seconds.</summary>
    public bool Quiet { get; init; }

    /// <summary>Media type for HTTP.</summary>
    public string ContentType { get; init; } = "application/octet-stream";
}
