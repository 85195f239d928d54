using Microsoft.Win32.SafeHandles;

namespace VirtuaLinux.Host;

/// <summary>A block device, or a file in its place: reads and writes at byte offsets.</summary>
public sealed class BlockDevice : IDisposable
{
    private readonly SafeFileHandle _handle;

    private BlockDevice(string path, SafeFileHandle handle, long size)
    {
        Path = path;
        _handle = handle;
        Size = size;
    }

    /// <summary>Path of the device.</summary>
    public string Path { get; }

    /// <summary>Size in bytes.</summary>
    public long Size { get; }

    /// <summary>Opens a device or file that exists.</summary>
    /// <exception cref="FailureException">It cannot be opened.</exception>
    public static BlockDevice Open(string path, bool writable)
    {
        try
        {
            var handle = File.OpenHandle(path, FileMode.Open, writable ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
            var size = NativeMethods.Seek(handle, 0, NativeMethods.SeekEnd);
            if (size < 0) throw new FailureException($"{path}: has no size: {System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage()}");
            return new BlockDevice(path, handle, size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Fills the whole buffer from <paramref name="offset"/>.</summary>
    /// <exception cref="FailureException">An I/O error, or fewer bytes than asked for.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int read;
            try
            {
                read = RandomAccess.Read(_handle, buffer, offset);
            }
            catch (IOException e)
            {
                throw new FailureException($"{Path}: read of {buffer.Length} bytes at {offset} failed: {e.Message}", e);
            }
            if (read == 0) throw new FailureException($"{Path}: ends before byte {offset + buffer.Length}");
            offset += read;
            buffer = buffer[read..];
        }
    }

    /// <summary>Writes the whole buffer at <paramref name="offset"/>; durable only after <see cref="Flush"/>.</summary>
    /// <exception cref="FailureException">An I/O error.</exception>
    public void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        try
        {
            RandomAccess.Write(_handle, buffer, offset);
        }
        catch (IOException e)
        {
            throw new FailureException($"{Path}: write of {buffer.Length} bytes at {offset} failed: {e.Message}", e);
        }
    }

    /// <summary>Forces what was written to the medium (fsync(2)).</summary>
    /// <exception cref="FailureException">An I/O error.</exception>
    public void Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            throw new FailureException($"{Path}: flush failed: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
