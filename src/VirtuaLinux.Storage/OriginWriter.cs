using System.Threading.Channels;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using ZstdSharp;

namespace VirtuaLinux.Storage;

/// <summary>Streams a compressed root image to the SAN: every chunk is held against its digest before it is written, and chunks of zeros are written only where the SAN holds something else.</summary>
public static class OriginWriter
{
    private const int QueuedChunks = 4;

    /// <summary>Writes an origin and forces it to the medium.</summary>
    /// <param name="compressed">The image, zstd (RFC 8878).</param>
    /// <param name="image">Size, chunk size and digests of the image.</param>
    /// <param name="target">The volume.</param>
    /// <param name="progress">Told the bytes of the image that are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>Bytes written to the SAN.</returns>
    /// <exception cref="FailureException">The image is not what its digests say, or an I/O error.</exception>
    public static async Task<long> WriteAsync(Stream compressed, ImageInfo image, BlockDevice target, Action<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(target);
        if (target.Size < image.RootSize) throw new FailureException($"{target.Path}: {new ByteSize(target.Size).ToRoundedString()} is too small for image {image.Image} of {new ByteSize(image.RootSize).ToRoundedString()}");
        var queue = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(QueuedChunks) { SingleReader = true, SingleWriter = true });
        var reader = Task.Run(() => DecompressAsync(compressed, image, queue.Writer, cancellationToken), cancellationToken);
        var old = new byte[image.ChunkSize];
        long done = 0, written = 0;
        var index = 0;
        await foreach (var chunk in queue.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var digest = ChunkDigest.Of(chunk);
            if (digest != image.Chunks[index]) throw new FailureException($"image {image.Image}: chunk {index} at byte {done} is not what the image's digests say; the medium is damaged: write it again from a checked ISO");
            if (digest.Length > 0 || !HoldsZeros(target, done, old.AsSpan(0, chunk.Length)))
            {
                target.Write(done, chunk);
                written += chunk.Length;
            }
            done += chunk.Length;
            index++;
            progress?.Invoke(done);
        }
        await reader.ConfigureAwait(false);
        if (done != image.RootSize) throw new FailureException($"image {image.Image}: ends after {done} of {image.RootSize} bytes; the medium is damaged: write it again from a checked ISO");
        target.Flush();
        return written;
    }

    /// <summary>Reads an origin back and compares every chunk with its digest. The caller has dropped the page cache, so that the SAN is read and not memory.</summary>
    /// <exception cref="FailureException">A chunk differs, or an I/O error.</exception>
    public static void Verify(ImageInfo image, BlockDevice source, Action<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(source);
        var buffer = new byte[image.ChunkSize];
        for (var index = 0; index < image.Chunks.Count; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var at = (long)index * image.ChunkSize;
            var chunk = buffer.AsSpan(0, (int)Math.Min(image.ChunkSize, image.RootSize - at));
            source.Read(at, chunk);
            if (ChunkDigest.Of(chunk) != image.Chunks[index])
                throw new FailureException($"{source.Path}: chunk {index} at byte {at} of origin {image.Image} is not what was written; the SAN or the path to it loses data");
            progress?.Invoke(at + chunk.Length);
        }
    }

    private static bool HoldsZeros(BlockDevice target, long at, Span<byte> buffer)
    {
        target.Read(at, buffer);
        return ChunkDigest.IsZero(buffer);
    }

    private static async Task DecompressAsync(Stream compressed, ImageInfo image, ChannelWriter<byte[]> queue, CancellationToken cancellationToken)
    {
        Exception? problem = null;
        try
        {
            await using var stream = new DecompressionStream(compressed);
            for (long at = 0; at < image.RootSize;)
            {
                var chunk = new byte[Math.Min(image.ChunkSize, image.RootSize - at)];
                var read = await stream.ReadAtLeastAsync(chunk, chunk.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                if (read < chunk.Length) break;
                await queue.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
                at += read;
            }
        }
        catch (Exception e) when (e is ZstdException or IOException)
        {
            problem = new FailureException($"image {image.Image}: cannot be decompressed: {e.Message}; the medium is damaged: write it again from a checked ISO", e);
        }
        finally
        {
            queue.Complete(problem);
        }
    }
}
