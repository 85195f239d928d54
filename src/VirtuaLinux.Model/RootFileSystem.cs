using System.Globalization;

namespace VirtuaLinux.Model;

/// <summary>What a root's file system and the store below it have to agree on.</summary>
public static class RootFileSystem
{
    /// <summary>What a node's store keeps as one piece: the first write into it copies the origin's, unless it replaces all of it.</summary>
    public static ByteSize StoreBlock { get; } = new(64 << 10);

    /// <summary>Lets ext4 place files from such a size on at the start of one, so that writing them copies nothing (mke2fs(8), stripe_width; blocks of 4 KiB).</summary>
    public static string ExtendedOptions { get; } = string.Create(CultureInfo.InvariantCulture, $"stripe_width={StoreBlock.Bytes / 4096}");
}
