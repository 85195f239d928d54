using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>Puts a hash tree behind a file system, for dm-verity.</summary>
internal static class HashTree
{
    /// <summary>Appends the tree and then zeros to the next whole <paramref name="unit"/>.</summary>
    /// <param name="work">The stage.</param>
    /// <param name="file">The file system, whose length is a multiple of the block size.</param>
    /// <param name="digest">A SHA-256 of the file system: salt and identifier of the tree follow from it, so that the same content gets the same tree.</param>
    /// <param name="unit">Bytes.</param>
    public static async Task<VerityTree> AppendAsync(StageWork work, string file, string digest, int unit)
    {
        var size = new FileInfo(file).Length;
        var (dataBlocks, rootHash) = (size / VerityTree.BlockSize, work.At("root-hash"));
        string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
        await work.RunAsync(ExternalCommand.Of("veritysetup", "format", "--hash", "sha256", "--data-block-size", Text(VerityTree.BlockSize), "--hash-block-size", Text(VerityTree.BlockSize),
            "--data-blocks", Text(dataBlocks), "--hash-offset", Text(size), "--salt", digest, "--uuid", Guid.ParseExact(digest[..32], "N").ToString(), "--root-hash-file", rootHash, file, file)).ConfigureAwait(false);
        using (var image = new FileStream(file, FileMode.Open)) image.SetLength((image.Length + unit - 1) / unit * unit);
        var tree = new VerityTree { RootHash = (await File.ReadAllTextAsync(rootHash).ConfigureAwait(false)).Trim(), Salt = digest, DataBlocks = dataBlocks, HashStart = dataBlocks + 1 };
        File.Delete(rootHash);
        return tree;
    }
}
