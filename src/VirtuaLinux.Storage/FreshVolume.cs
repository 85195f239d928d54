using System.Buffers.Binary;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>How a volume begins that nothing was ever written to. A start of zeros alone does not say so: damage looks the same.</summary>
public static class FreshVolume
{
    private const int Size = 64 << 10, Block = 4096, SuperblockSize = 1024;

    private static readonly byte[] s_start = [.. new byte[Block], .. "VirtuaLinux: nothing was ever written to this volume\n"u8];

    /// <summary>Makes the start of a volume that of a new one: zeros, which the kernel takes for a new pool and earlier releases for a new volume, and behind them a mark, which the first file system overwrites (mke2fs(8): group descriptors).</summary>
    /// <param name="device">What the volume lies on.</param>
    /// <param name="offset">Where on it, in bytes.</param>
    /// <exception cref="FailureException">An I/O error.</exception>
    public static void Write(BlockDevice device, long offset)
    {
        ArgumentNullException.ThrowIfNull(device);
        var start = new byte[Size];
        s_start.CopyTo(start, 0);
        device.Write(offset, start);
    }

    /// <inheritdoc cref="Write(BlockDevice, long)"/>
    /// <param name="path">The volume.</param>
    public static void Write(string path)
    {
        using var device = BlockDevice.Open(path, writable: true);
        Write(device, 0);
        device.Flush();
    }

    /// <summary>Whether a file system may be made on a volume. One that an earlier release made has no mark: it is fresh when no copy of an ext4 superblock lies behind its zeros.</summary>
    /// <exception cref="FailureException">An I/O error.</exception>
    public static bool Is(string path)
    {
        using var device = BlockDevice.Open(path, writable: false);
        var start = new byte[s_start.Length];
        device.Read(0, start);
        return start.AsSpan().SequenceEqual(s_start) || ChunkDigest.IsZero(start.AsSpan(0, Block)) && !HasSuperblockCopy(device);
    }

    /// <summary>Sees that a node's <c>local</c> volume, whose start is zeros, is fresh. Nothing is written.</summary>
    /// <param name="node">Name of the node.</param>
    /// <param name="local">The volume.</param>
    /// <param name="metadata">The metadata of the node's pool: a node that has roots has been running.</param>
    /// <exception cref="FailureException">It is damaged, or an I/O error.</exception>
    public static void Require(string node, string local, string metadata)
    {
        var isUsed = !NodeVolumes.IsBlank(metadata);
        if (isUsed || !Is(local))
            throw new FailureException($"the local volume of {node} is damaged: its start is zeros, and {(isUsed ? "the node has roots" : "a copy of a file system's superblock lies behind them")}; nothing was written. {NodeVolumes.HowToMendLocal(node)}");
    }

    /// <summary>Block group 1 begins with a copy (mke2fs(8), sparse_super), at a place that follows from the size of a block; e2fsck(8) looks there too. Magic and number of the group: Linux, fs/ext4/ext4.h.</summary>
    private static bool HasSuperblockCopy(BlockDevice device)
    {
        var copy = new byte[SuperblockSize];
        foreach (var block in (int[])[1024, 2048, 4096])
        {
            var at = (8L * block + (block == SuperblockSize ? 1 : 0)) * block;
            if (at + SuperblockSize > device.Size) break;
            device.Read(at, copy);
            if (BinaryPrimitives.ReadUInt16LittleEndian(copy.AsSpan(56)) == 0xEF53 && BinaryPrimitives.ReadUInt16LittleEndian(copy.AsSpan(90)) == 1) return true;
        }
        return false;
    }
}
