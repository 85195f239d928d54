using Microsoft.Win32.SafeHandles;

namespace VirtuaLinux.NetBoot;

/// <summary>Something that is served: an open file or bytes in memory. Read at any offset, by several readers at once; its length is the one that it had when it was opened, even if it grows.</summary>
public sealed class BootFile : IDisposable
{
    private readonly SafeFileHandle? handle;
    private readonly ReadOnlyMemory<byte> bytes;

    /// <summary>Bytes in memory.</summary>
    public BootFile(ReadOnlyMemory<byte> bytes)
    {
        this.bytes = bytes;
        Length = bytes.Length;
    }

    /// <summary>An open file, which is closed with this object.</summary>
    /// <param name="handle">The file.</param>
    /// <param name="tag">Changes whenever the content does.</param>
    public BootFile(SafeFileHandle handle, string tag)
    {
        this.handle = handle;
        Length = RandomAccess.GetLength(handle);
        Tag = tag;
    }

    /// <summary>Length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>An entity tag without its quotes (RFC 9110, section 8.8.3), or null for a document that is rendered on each request.</summary>
    public string? Tag { get; }

    /// <summary>Fills <paramref name="destination"/> from an offset, as far as there is content; returns the number of bytes, fewer than expected when the file has become shorter.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public int Read(long offset, Span<byte> destination)
    {
        if (offset >= Length) return 0;
        if (destination.Length > Length - offset) destination = destination[..(int)(Length - offset)];
        if (handle is null)
        {
            bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
            return destination.Length;
        }
        // One short read is not the end of the file: a TFTP client would take it for the last block.
        var total = 0;
        while (total < destination.Length)
        {
            var count = RandomAccess.Read(handle, destination[total..], offset + total);
            if (count == 0) break;
            total += count;
        }
        return total;
    }

    /// <inheritdoc/>
    public void Dispose() => handle?.Dispose();
}
