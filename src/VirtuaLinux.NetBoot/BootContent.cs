using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>What TFTP and HTTP serve: documents first, then files of the export directory.</summary>
public sealed class BootContent
{
    private const string ExportPrefix = "boot/";
    private readonly Func<Ipv4Address, ExportDirectory?> export;
    private readonly Dictionary<string, BootDocument> documents;
    private readonly BootScripts scripts;

    /// <summary>Puts the sources together.</summary>
    /// <param name="export">The export directory of a client; null when there is none for it.</param>
    /// <param name="scripts">Boot scripts.</param>
    /// <param name="documents">Documents beside them.</param>
    public BootContent(Func<Ipv4Address, ExportDirectory?> export, BootScripts scripts, IEnumerable<BootDocument> documents)
    {
        this.export = export;
        this.scripts = scripts;
        this.documents = documents.ToDictionary(d => BootPath.TryNormalize(d.Path, out var path) ? path : throw new ArgumentException($"'{d.Path}' is no path", nameof(documents)), StringComparer.Ordinal);
    }

    /// <summary>Opens what a client asks for; null when there is nothing for it.</summary>
    /// <param name="name">Path as the client wrote it, unescaped.</param>
    /// <param name="client">Who asks.</param>
    /// <param name="server">Address that the client asked.</param>
    /// <param name="isSecure">Whether the transport is TLS.</param>
    /// <param name="contentType">Media type.</param>
    public BootFile? TryOpen(string name, ClientEndpoint client, Ipv4Address server, bool isSecure, out string contentType)
    {
        contentType = "application/octet-stream";
        if (!BootPath.TryNormalize(name, out var path)) return null;
        if (documents.TryGetValue(path, out var document))
        {
            contentType = document.ContentType;
            return (isSecure || !document.SecureOnly) && document.Render(client) is { } content ? new BootFile(content) : null;
        }
        if (Script(path, client.Address, server) is { } script)
        {
            contentType = "text/plain; charset=utf-8";
            return new BootFile(script);
        }
        // Loaders look beside themselves, so the export directory is below /boot and at the top.
        return export(client.Address)?.TryOpen(path.StartsWith(ExportPrefix, StringComparison.Ordinal) ? path[ExportPrefix.Length..] : path);
    }

    /// <summary>Whether requests for this path leave no line in the log.</summary>
    public bool IsQuiet(string name) => BootPath.TryNormalize(name, out var path) && documents.TryGetValue(path, out var document) && document.Quiet;

    private byte[]? Script(string path, Ipv4Address client, Ipv4Address server) => path.Split('/') switch
    {
        ["node", var mac, "boot.ipxe"] => MacAddress.TryParse(mac, null, out var address) ? scripts.Ipxe(address, client, server) : null,
        ["grub", "grub.cfg"] or ["boot", "grub", "grub.cfg"] => scripts.Grub(client, server),
        _ => null,
    };
}
