using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace VirtuaLinux.Model;

/// <summary>The manifest as a signed file of two lines: canonical JSON, and the Base64 of its signature.</summary>
/// <remarks>
/// The signature is ECDSA P-256 over SHA-256 of the first line without its line feed, in DER (RFC 3279, section 2.2.3), so that openssl-dgst(1) checks it as well.
/// Verification never depends on the clock: blades with dead batteries boot.
/// </remarks>
public static class SignedManifest
{
    /// <summary>The newest format that this program knows (<see cref="DocumentFormat"/>).</summary>
    public const int KnownFormat = 1;

    /// <summary>The format of a copy that no machine may start from: programs that do not know <see cref="Manifest.Move"/> refuse it for its format.</summary>
    public const int MovedFormat = KnownFormat + 1;

    /// <summary>Largest file that is looked at, in bytes; thousands of nodes fit.</summary>
    public const int MaximumLength = 16 << 20;

    /// <summary>Largest signature in DER for P-256 is 72 bytes; that is 96 characters.</summary>
    private const int MaximumSignatureText = 96;

    /// <summary>Writes and signs a manifest.</summary>
    /// <param name="manifest">The manifest; its dictionaries are written in the order of their keys.</param>
    /// <param name="key">The site's private key, P-256.</param>
    public static byte[] Sign(Manifest manifest, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(key);
        var json = Json(manifest);
        var signature = Convert.ToBase64String(key.SignData(json, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        return [.. json, (byte)'\n', .. Encoding.ASCII.GetBytes(signature), (byte)'\n'];
    }

    /// <summary>Checks the signature, then the format, then reads. Never throws, whatever the bytes are. The copy of a site that is elsewhere (<see cref="Manifest.Move"/>) is refused.</summary>
    /// <param name="file">The two lines.</param>
    /// <param name="publicKey">The site's public key.</param>
    /// <param name="manifest">The manifest, when all is right.</param>
    /// <param name="reason">Why not, otherwise.</param>
    public static bool TryRead(ReadOnlySpan<byte> file, ECDsa publicKey, [NotNullWhen(true)] out Manifest? manifest, out string reason)
    {
        if (!TryReadAny(file, publicKey, out manifest, out reason)) return false;
        if (manifest.Move is not { } move) return true;
        reason = move.Describe(manifest.Name);
        manifest = null;
        return false;
    }

    /// <summary>The same for whoever moves a site: the copies count that the site has left, or has not come to yet.</summary>
    /// <inheritdoc cref="TryRead"/>
    public static bool TryReadAny(ReadOnlySpan<byte> file, ECDsa publicKey, [NotNullWhen(true)] out Manifest? manifest, out string reason)
    {
        ArgumentNullException.ThrowIfNull(publicKey);
        manifest = null;
        if (file.Length > MaximumLength)
        {
            reason = $"{file.Length} bytes are too many for a manifest";
            return false;
        }
        var end = file.IndexOf((byte)'\n');
        if (end <= 0)
        {
            reason = "not a signed manifest: no second line with a signature";
            return false;
        }
        var json = file[..end];
        if (!IsSigned(json, file[(end + 1)..], publicKey))
        {
            reason = "the signature does not match: changed on its way, or from another site";
            return false;
        }
        return TryParse(json, out manifest, out reason);
    }

    private static bool IsSigned(ReadOnlySpan<byte> json, ReadOnlySpan<byte> line, ECDsa publicKey)
    {
        if (line.EndsWith("\n"u8)) line = line[..^1];
        Span<byte> signature = stackalloc byte[MaximumSignatureText];
        var text = Encoding.ASCII.GetString(line);
        if (line.Length > MaximumSignatureText || !Convert.TryFromBase64String(text, signature, out var length)) return false;
        // Base64 has several texts for the same bytes; a file has one form only.
        if (Convert.ToBase64String(signature[..length]) != text) return false;
        return publicKey.VerifyData(json, signature[..length], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static bool TryParse(ReadOnlySpan<byte> json, out Manifest? manifest, out string reason)
    {
        manifest = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            reason = DocumentFormat.Refusal("the manifest", document.RootElement, KnownFormat, whenAbsent: null) ?? "";
            if (reason.Length > 0 && !IsMoved(document.RootElement)) return false;
            manifest = JsonSerializer.Deserialize(json, ModelJson.OtherVersions.Manifest);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            reason = $"not a manifest: {e.Message}";
            return false;
        }
        if (manifest is null || !manifest.Networks.ContainsKey("cluster") || !manifest.Nodes.All(n => n.Interfaces.ContainsKey("cluster")))
        {
            manifest = null;
            reason = "not a manifest: the network 'cluster', or a node's interface on it, is missing";
            return false;
        }
        reason = "";
        return true;
    }

    /// <summary>Whether it is a copy that no machine may start from, whose format is counted up for that alone.</summary>
    private static bool IsMoved(JsonElement root) => root.ValueKind == JsonValueKind.Object && root.TryGetProperty("move", out _) && root.TryGetProperty("format", out _);

    /// <summary>Whether two manifests are the same document.</summary>
    public static bool SaySame(Manifest one, Manifest other)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(other);
        return Json(one).AsSpan().SequenceEqual(Json(other));
    }

    private static byte[] Json(Manifest manifest) => JsonSerializer.SerializeToUtf8Bytes(Canonical(manifest), ModelJson.Default.Manifest);

    private static Manifest Canonical(Manifest manifest) => manifest with
    {
        Networks = Sorted(manifest.Networks),
        Nodes = [.. manifest.Nodes.Select(n => n with { Interfaces = Sorted(n.Interfaces) })],
    };

    private static SortedDictionary<string, T> Sorted<T>(IReadOnlyDictionary<string, T> map) => new(map.ToDictionary(), StringComparer.Ordinal);
}
