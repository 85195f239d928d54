using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>Who must vouch for an image before it is written to a SAN.</summary>
public static class ImageTrust
{
    /// <summary>The keys that this machine's own image came with: an installer checks its own medium with them, and a node what is added to its site. Empty where the vendor signs nothing.</summary>
    /// <exception cref="FailureException">They are damaged.</exception>
    public static IReadOnlyList<VendorKey> OwnKeys(string root = "/")
    {
        var file = Path.Combine(root, VendorKey.File);
        return File.Exists(file) ? KeysOf(file) : [];
    }

    /// <summary>The keys in a file.</summary>
    /// <exception cref="FailureException">There are none.</exception>
    public static IReadOnlyList<VendorKey> KeysOf(string file)
    {
        try
        {
            return VendorKey.TryReadAll(File.ReadAllText(file), out var keys, out var reason) ? keys : throw new FailureException($"{file}: {reason}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException(e.Message, e);
        }
    }

    /// <summary>Refuses an image that none of the trusted keys signed.</summary>
    /// <param name="folder">Folder of the medium's <c>virtualinux</c> files.</param>
    /// <param name="trusted">The keys; none: whatever it is.</param>
    /// <returns>Who signed it, in words; null where nobody need.</returns>
    /// <exception cref="FailureException">It is not signed, or by somebody else, or was changed afterwards.</exception>
    public static string? Require(string folder, IReadOnlyList<VendorKey> trusted)
    {
        ArgumentNullException.ThrowIfNull(trusted);
        if (trusted.Count == 0) return null;
        var (description, file) = (Path.Combine(folder, "image.json"), Path.Combine(folder, "image.sig"));
        try
        {
            if (!File.Exists(file) || !ImageSignatures.TryRead(File.ReadAllBytes(file), out var signatures) || signatures.Lines.Count == 0)
                throw new FailureException($"{description}: the image is not signed, and this site takes images of its vendor only; get it from the vendor");
            if (signatures.SignerOf(File.ReadAllBytes(description), trusted) is { } key) return $"signed with key {key.Fingerprint[..16]}";
            throw new FailureException(trusted.Any(k => signatures.Lines.ContainsKey(k.Fingerprint))
                ? $"{description}: the image is not the one that its vendor signed: it was changed, or is damaged; get it from the vendor again"
                : $"{description}: the image is not signed with a key that is trusted here ({string.Join(", ", trusted.Select(k => k.Fingerprint[..16]))}), but with {string.Join(", ", signatures.Lines.Keys.Select(k => k[..16]))}; get it from the vendor, or trust that key ('image add --trust')");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{file}: {e.Message}; the medium is damaged: write it again from a checked ISO", e);
        }
    }
}
