using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

/// <summary>With the real veritysetup; the fake zstd leaves the root as it is.</summary>
public sealed class HashTreeTests : IDisposable
{
    private readonly FakeProduct product = new();
    private readonly CommandRunner runner = new();

    [Fact]
    public async Task A_root_carries_a_hash_tree_that_is_sound_and_finds_a_flipped_bit()
    {
        var result = await product.BuildAsync();

        var (info, tree) = (result.Info, result.Info.Verity!);
        var root = RootOf(result);
        Assert.Equal((2048, 8 << 20), (tree.DataBlocks, tree.DataSize));
        Assert.Equal(info.RootSize, new FileInfo(root).Length);
        Assert.Equal(info.RootSize, info.Chunks.Count * (long)info.ChunkSize);
        Assert.True(info.Has(info.RootDigest));
        Assert.Equal(0, (await VerifyAsync(root, tree)).ExitCode);

        await using (var file = new FileStream(root, FileMode.Open))
        {
            file.Position = 5 << 20;
            file.WriteByte(1);
        }
        Assert.NotEqual(0, (await VerifyAsync(root, tree)).ExitCode);
    }

    [Fact]
    public async Task The_same_content_gets_the_same_tree_and_another_content_another_one()
    {
        var first = await product.BuildAsync();
        var bytes = await File.ReadAllBytesAsync(RootOf(first));
        using var again = new FakeProduct();
        var second = await again.BuildAsync();
        again.Write("overlays/common/files/etc/issue", "changed\n");
        var third = await again.BuildAsync();

        Assert.Equal(first.Info.Verity, second.Info.Verity);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(RootOf(second)));
        Assert.NotEqual(first.Info.Verity!.RootHash, third.Info.Verity!.RootHash);
        Assert.NotEqual(first.Info.Verity.Salt, third.Info.Verity.Salt);
    }

    [Fact]
    public async Task An_image_that_does_not_want_one_has_none()
    {
        product.Write("images/test.yaml", "version: 1\ndistribution: debian\nrootSize: 8MiB\nverity: false\n");

        var result = await product.BuildAsync();

        Assert.Null(result.Info.Verity);
        Assert.Equal(8 << 20, result.Info.RootSize);
        Assert.Equal(ChunkDigest.RootDigestOf(result.Info.Chunks), result.Info.RootDigest);
        Assert.DoesNotContain("veritysetup", product.Tools.Calls);
    }

    public void Dispose() => product.Dispose();

    private static string RootOf(ImageBuildResult result) => Path.Combine(result.Stages.Single(s => s.Name == "root").Path, "root.ext4.zst");

    private Task<CommandResult> VerifyAsync(string root, VerityTree tree) =>
        runner.RunAsync(ExternalCommand.Of("veritysetup", "verify", "--hash-offset", $"{tree.DataSize}", root, root, tree.RootHash).Accepting());
}
