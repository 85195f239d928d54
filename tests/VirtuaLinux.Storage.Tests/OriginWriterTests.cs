using VirtuaLinux.Host;
using VirtuaLinux.Model;
using ZstdSharp;

namespace VirtuaLinux.Storage.Tests;

public sealed class OriginWriterTests : IDisposable
{
    private const int Chunk = 64 << 10;

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-origin-{Guid.NewGuid():N}");
    private readonly byte[] _root = new byte[20 * Chunk];

    public OriginWriterTests()
    {
        var random = new Random(1);
        foreach (var index in (int[])[0, 3, 4, 11, 19]) random.NextBytes(_root.AsSpan(index * Chunk, Chunk));
        File.WriteAllBytes(_file, Enumerable.Repeat((byte)0xee, _root.Length).ToArray());
    }

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task On_a_blank_volume_what_is_not_zeros_is_written_and_holes_are_skipped()
    {
        File.WriteAllBytes(_file, new byte[_root.Length]);
        using var target = BlockDevice.Open(_file, writable: true);
        var done = 0L;
        Assert.Equal(5 * Chunk, await OriginWriter.WriteAsync(Compressed(_root), Image(_root), target, d => done = d));
        Assert.Equal(_root.Length, done);
        OriginWriter.Verify(Image(_root), target);
    }

    [Fact]
    public async Task Nothing_of_an_older_owner_is_left_where_the_image_has_zeros()
    {
        using var target = BlockDevice.Open(_file, writable: true);
        await OriginWriter.WriteAsync(Compressed(_root), Image(_root), target);
        Assert.Equal(_root, File.ReadAllBytes(_file));
        target.Write(Chunk + 7, [1]);
        Assert.Contains("chunk 1 ", Assert.Throws<FailureException>(() => OriginWriter.Verify(Image(_root), target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_that_is_not_what_its_digests_say_is_refused()
    {
        using var target = BlockDevice.Open(_file, writable: true);
        var damaged = _root.ToArray();
        damaged[4 * Chunk + 5] ^= 1;
        var failure = await Assert.ThrowsAsync<FailureException>(() => OriginWriter.WriteAsync(Compressed(damaged), Image(_root), target));
        Assert.Contains("chunk 4", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_truncated_image_is_refused()
    {
        using var target = BlockDevice.Open(_file, writable: true);
        using var compressed = Compressed(_root);
        compressed.SetLength(compressed.Length / 2);
        await Assert.ThrowsAsync<FailureException>(() => OriginWriter.WriteAsync(compressed, Image(_root), target));
    }

    [Fact]
    public async Task A_volume_that_is_too_small_is_refused_before_a_byte_is_written()
    {
        File.WriteAllBytes(_file, new byte[19 * Chunk]);
        using var target = BlockDevice.Open(_file, writable: true);
        await Assert.ThrowsAsync<FailureException>(() => OriginWriter.WriteAsync(Compressed(_root), Image(_root), target));
        Assert.True(ChunkDigest.IsZero(File.ReadAllBytes(_file)));
    }

    [Fact]
    public async Task A_flipped_bit_on_the_SAN_is_found_when_it_is_read_back()
    {
        using var target = BlockDevice.Open(_file, writable: true);
        await OriginWriter.WriteAsync(Compressed(_root), Image(_root), target);
        target.Write(11 * Chunk + 9, [(byte)(_root[11 * Chunk + 9] ^ 4)]);
        var failure = Assert.Throws<FailureException>(() => OriginWriter.Verify(Image(_root), target));
        Assert.Contains("chunk 11", failure.Message, StringComparison.Ordinal);
    }

    private static MemoryStream Compressed(byte[] root)
    {
        using var compressor = new Compressor(3);
        return new MemoryStream(compressor.Wrap(root).ToArray()) { Position = 0 }.Expandable();
    }

    private static ImageInfo Image(byte[] root)
    {
        var digest = new ChunkDigest(Chunk);
        for (var at = 0; at < root.Length; at += Chunk) digest.Append(root.AsSpan(at, Chunk));
        return new ImageInfo
        {
            Image = ImageVersion.Parse("test@1"),
            Distribution = "test",
            KernelRelease = "6",
            RootSize = root.Length,
            ChunkSize = Chunk,
            Chunks = digest.Chunks,
            RootDigest = digest.RootDigest(),
            BootSize = 0,
            BootDigest = "",
            SourceDateEpoch = 0,
        };
    }
}

file static class Streams
{
    /// <summary>A copy whose length can be changed.</summary>
    public static MemoryStream Expandable(this MemoryStream stream)
    {
        var copy = new MemoryStream();
        stream.CopyTo(copy);
        copy.Position = 0;
        return copy;
    }
}
