using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Copies a volume to another array chunk by chunk and reads it back. Chunks of zeros are written only where the target holds something else, so that a thin LUN stays thin.</summary>
public static class VolumeCopy
{
    /// <summary>Size of a chunk, in bytes.</summary>
    public const int ChunkSize = 4 << 20;

    /// <summary>Copies and forces the target to its medium.</summary>
    /// <param name="source">The volume, which nobody writes meanwhile.</param>
    /// <param name="target">One of the same size.</param>
    /// <param name="progress">Told the bytes of the volume that are done.</param>
    /// <param name="cancellationToken">Ends it after a chunk.</param>
    /// <returns>Digests of the chunks as they were read, and the bytes that were written.</returns>
    /// <exception cref="FailureException">An I/O error, or the target is smaller.</exception>
    public static (ChunkDigest Digest, long Written) Copy(BlockDevice source, BlockDevice target, Action<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (target.Size < source.Size) throw new FailureException($"{target.Path} has {target.Size} bytes and {source.Path} {source.Size}");
        var digest = new ChunkDigest(ChunkSize);
        var (buffer, old) = (new byte[ChunkSize], new byte[ChunkSize]);
        var written = 0L;
        for (var at = 0L; at < source.Size; at += ChunkSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var length = (int)Math.Min(ChunkSize, source.Size - at);
            source.Read(at, buffer.AsSpan(0, length));
            digest.Append(buffer.AsSpan(0, length));
            if (digest.Chunks[^1].Length > 0 || !HoldsZeros(target, at, old.AsSpan(0, length)))
            {
                target.Write(at, buffer.AsSpan(0, length));
                written += length;
            }
            progress?.Invoke(at + length);
        }
        target.Flush();
        return (digest, written);
    }

    /// <summary>Reads a copy back. The caller has dropped the page cache, so that the array is read and not memory.</summary>
    /// <exception cref="FailureException">A chunk is not what was written, or an I/O error.</exception>
    public static void Verify(ChunkDigest digest, BlockDevice target, Action<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(digest);
        ArgumentNullException.ThrowIfNull(target);
        var buffer = new byte[ChunkSize];
        foreach (var (index, expected) in digest.Chunks.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var at = (long)index * ChunkSize;
            var chunk = buffer.AsSpan(0, (int)Math.Min(ChunkSize, target.Size - at));
            target.Read(at, chunk);
            if (ChunkDigest.Of(chunk) != expected) throw new FailureException($"{target.Path}: chunk {index} at byte {at} is not what was written; the new array or the path to it loses data");
            progress?.Invoke(at + chunk.Length);
        }
    }

    private static bool HoldsZeros(BlockDevice target, long at, Span<byte> buffer)
    {
        target.Read(at, buffer);
        return ChunkDigest.IsZero(buffer);
    }
}
