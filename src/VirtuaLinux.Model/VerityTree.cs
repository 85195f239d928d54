using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>The hash tree behind a root file system, on the same volume: what the kernel's dm-verity needs to hold every block that is read against it. SHA-256, blocks of 4096 bytes, format 1 (veritysetup(8)).</summary>
public sealed record VerityTree
{
    /// <summary>Size of the blocks of data and of hashes, in bytes.</summary>
    public const int BlockSize = 4096;

    /// <summary>Hash of the tree's top, in lower-case hexadecimal: who knows it can tell any other content of the file system.</summary>
    public required string RootHash { get; init; }

    /// <summary>Salt of every hash, in lower-case hexadecimal.</summary>
    public required string Salt { get; init; }

    /// <summary>Blocks of the file system, from the volume's start on.</summary>
    public required long DataBlocks { get; init; }

    /// <summary>The volume's block at which the hashes begin: behind the file system and veritysetup's own superblock.</summary>
    public required long HashStart { get; init; }

    /// <summary>Size of the file system, in bytes.</summary>
    [JsonIgnore]
    public long DataSize => DataBlocks * BlockSize;

    /// <summary>The line of an image's root digest that stands for this tree.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"verity sha256 {BlockSize} {DataBlocks} {HashStart} {RootHash} {Salt}");
}
