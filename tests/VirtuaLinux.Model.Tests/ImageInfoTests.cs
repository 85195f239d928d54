using System.Text.Json;

namespace VirtuaLinux.Model.Tests;

public class ImageInfoTests
{
    private static readonly VerityTree Tree = new() { RootHash = new string('a', 64), Salt = new string('b', 64), DataBlocks = 1024, HashStart = 1025 };

    private static readonly ImageInfo Image = new()
    {
        Image = ImageVersion.Parse("debian-13@1"),
        Distribution = "debian-13",
        KernelRelease = "6.12",
        RootSize = 8 << 20,
        ChunkSize = 4 << 20,
        Chunks = [new string('c', 64), ""],
        RootDigest = ImageInfo.RootDigestOf([new string('c', 64), ""], Tree),
        Verity = Tree,
        BootSize = 1,
        BootDigest = "b",
        SourceDateEpoch = 0,
    };

    [Fact]
    public void An_image_with_a_hash_tree_is_read_as_it_was_written()
    {
        var read = JsonSerializer.Deserialize(JsonSerializer.Serialize(Image, ModelJson.Default.ImageInfo), ModelJson.Default.ImageInfo)!;
        Assert.Equal(Tree, read.Verity);
        Assert.Equal(4 << 20, read.Verity!.DataSize);
        Assert.True(read.Has(Image.RootDigest));
    }

    [Fact]
    public void An_image_of_a_time_before_hash_trees_is_read_and_has_the_digest_that_it_had()
    {
        const string text = """
            {"image":"debian-13@1","distribution":"debian-13","kernelRelease":"6.12","rootSize":4194304,"chunkSize":4194304,"chunks":["cc",""],
             "rootDigest":"52913fdbae82791b4d0a27276e3e7af4959d8274858216645aad6309a013da87","bootSize":1,"bootDigest":"b","sourceDateEpoch":0}
            """;
        var read = JsonSerializer.Deserialize(text, ModelJson.Default.ImageInfo)!;
        Assert.Null(read.Verity);
        Assert.True(read.Has(read.RootDigest));
        Assert.DoesNotContain("verity", JsonSerializer.Serialize(read, ModelJson.Default.ImageInfo), StringComparison.Ordinal);
    }

    [Fact]
    public void The_signed_digest_covers_every_chunk_and_every_part_of_the_hash_tree()
    {
        ImageInfo[] others =
        [
            Image with { Verity = null },
            Image with { Verity = Tree with { RootHash = new string('d', 64) } },
            Image with { Verity = Tree with { Salt = new string('d', 64) } },
            Image with { Verity = Tree with { DataBlocks = 1023 } },
            Image with { Verity = Tree with { HashStart = 1024 } },
            Image with { Chunks = ["", new string('c', 64)] },
            Image with { Chunks = [.. Image.Chunks, Tree.ToString()] },
        ];
        Assert.True(Image.Has(Image.RootDigest));
        Assert.All(others, o => Assert.False(o.Has(Image.RootDigest)));
    }
}
