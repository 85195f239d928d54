using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace VirtuaLinux.Model;

/// <summary>Who vouches for an image: the signatures over the bytes of its <c>image.json</c>, whose digests cover root and boot volume.</summary>
/// <remarks>
/// A text of <see cref="Length"/> bytes, <c>image.sig</c>: a line <c>FINGERPRINT SIGNATURE</c> for each (<see cref="VendorKey.Fingerprint"/>, Base64 of the DER), the rest line feeds.
/// An image is built with the empty one and signed afterwards, in place: two builds are alike although no two signatures are, and the key need not be where images are built.
/// </remarks>
/// <param name="Lines">Signatures by the fingerprint of their key.</param>
public sealed record ImageSignatures(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Lines)
{
    /// <summary>Length of the text, in bytes: some twenty signatures fit.</summary>
    public const int Length = 4096;

    /// <summary>What an image is built with.</summary>
    public static ImageSignatures None { get; } = new(new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal));

    /// <summary>The same with a signature more; one of the same key is replaced.</summary>
    public ImageSignatures With(VendorKey key, ReadOnlyMemory<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(new SortedDictionary<string, ReadOnlyMemory<byte>>(Lines.ToDictionary(), StringComparer.Ordinal) { [key.Fingerprint] = signature });
    }

    /// <summary>The text.</summary>
    /// <exception cref="InvalidOperationException">There are more signatures than fit.</exception>
    public byte[] ToBytes()
    {
        var text = string.Concat(Lines.Select(l => $"{l.Key} {Convert.ToBase64String(l.Value.Span)}\n"));
        return text.Length <= Length ? Encoding.ASCII.GetBytes(text.PadRight(Length, '\n')) : throw new InvalidOperationException($"{Lines.Count} signatures do not fit into {Length} bytes");
    }

    /// <summary>Reads the text. Never throws.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ImageSignatures? signatures)
    {
        signatures = null;
        if (bytes.Length > Length) return false;
        var lines = new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (var line in Encoding.Latin1.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ') is not [{ Length: 64 } key, var value] || !key.All(char.IsAsciiHexDigitLower)) return false;
            var signature = new byte[value.Length];
            if (!Convert.TryFromBase64String(value, signature, out var length) || !lines.TryAdd(key, signature.AsMemory(0, length))) return false;
        }
        signatures = new(lines);
        return true;
    }

    /// <summary>The first of the keys whose signature fits, or null.</summary>
    /// <param name="description">The bytes of <c>image.json</c>.</param>
    /// <param name="trusted">Keys that count.</param>
    public VendorKey? SignerOf(ReadOnlySpan<byte> description, IEnumerable<VendorKey> trusted)
    {
        ArgumentNullException.ThrowIfNull(trusted);
        foreach (var key in trusted)
            if (Lines.TryGetValue(key.Fingerprint, out var signature) && key.Verifies(description, signature.Span)) return key;
        return null;
    }
}
