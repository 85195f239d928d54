using System.Security.Cryptography;
using System.Text;

namespace VirtuaLinux.Model;

/// <summary>
/// Digest of a volume by chunks: a SHA-256 for each chunk, and one over all of them. It is computed while an image is built, again while its
/// origin is written, and again when the origin is read back; chunks of zeros need neither be written nor hashed.
/// </summary>
/// <param name="chunkSize">Size of every chunk but the last, in bytes; above 0.</param>
public sealed class ChunkDigest(int chunkSize)
{
    private readonly List<string> _chunks = [];
    private bool _ended;

    /// <summary>Size of every chunk but the last, in bytes.</summary>
    public int ChunkSize { get; } = chunkSize > 0 ? chunkSize : throw new ArgumentOutOfRangeException(nameof(chunkSize), chunkSize, "a chunk has at least one byte");

    /// <summary>One text for each chunk so far, as <see cref="Of"/> gives it.</summary>
    public IReadOnlyList<string> Chunks => _chunks;

    /// <summary>Adds the next chunk; all but the last have exactly <see cref="ChunkSize"/> bytes.</summary>
    /// <exception cref="ArgumentException">Too long, or a chunk after a short one.</exception>
    public void Append(ReadOnlySpan<byte> chunk)
    {
        if (chunk.IsEmpty || chunk.Length > ChunkSize) throw new ArgumentException($"a chunk has 1 to {ChunkSize} bytes, not {chunk.Length}", nameof(chunk));
        if (_ended) throw new ArgumentException("only the last chunk may be short", nameof(chunk));
        _ended = chunk.Length < ChunkSize;
        _chunks.Add(Of(chunk));
    }

    /// <summary>The digest over all chunks so far; see <see cref="RootDigestOf"/>.</summary>
    public string RootDigest() => RootDigestOf(_chunks);

    /// <summary>SHA-256, in lower-case hexadecimal, over the chunks' texts, each ended by a line feed.</summary>
    public static string RootDigestOf(IEnumerable<string> chunks)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var chunk in chunks)
        {
            hash.AppendData(Encoding.ASCII.GetBytes(chunk));
            hash.AppendData("\n"u8);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>SHA-256 of a chunk in lower-case hexadecimal; empty text for a chunk of zeros only.</summary>
    public static string Of(ReadOnlySpan<byte> chunk)
    {
        if (IsZero(chunk)) return "";
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(chunk, digest);
        return Convert.ToHexStringLower(digest);
    }

    /// <summary>Whether all bytes are zero.</summary>
    public static bool IsZero(ReadOnlySpan<byte> chunk) => !chunk.ContainsAnyExcept((byte)0);
}
