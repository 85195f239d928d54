using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Stages;

/// <summary>The root as a file system: what is written on the SAN as the origin.</summary>
/// <param name="Compressed">The ext4 file system and, behind it, its hash tree if it has one, compressed with zstd.</param>
/// <param name="Size">Its size before compression, in bytes.</param>
/// <param name="Chunks">Digests of its chunks.</param>
/// <param name="Verity">The hash tree.</param>
internal sealed record RootImage(string Compressed, long Size, IReadOnlyList<string> Chunks, VerityTree? Verity);

/// <summary>Makes an ext4 file system of the tree, without ever mounting it.</summary>
internal static class RootImageStage
{
    /// <summary>Chunks of 4 MiB: a thousand digests for 4 GiB.</summary>
    public const int ChunkSize = 4 << 20;

    private const int CompressionLevel = 9;
    private const int JournalMiB = 32;

    // Every origin may carry the same identifiers: a node gives its own root new ones when it makes it.
    private const string FileSystemId = "6d1f0a86-5c0e-4b0a-9d5e-13a1f7a1c0de";
    private const string HashSeed = "0e6b3c1c-51c5-4d0f-8f38-7a1d4f0f5eed";

    public static async Task<RootImage> RunAsync(BuildContext context, PackageSet packages, string tree)
    {
        var (size, verity) = (context.Definitions.Image.RootSize, context.Definitions.Image.Verity);
        var key = new StageKey("root 2").Add("tree", Path.GetFileName(tree)).Add("size", size.Bytes);
        if (verity) key.Add("verity", 1);
        var folder = await context.StageAsync("root", key.ToKey(), work => BuildAsync(work, packages, tree, size, verity)).ConfigureAwait(false);
        var chunks = await File.ReadAllLinesAsync(Path.Combine(folder, "chunks"), context.Cancellation).ConfigureAwait(false);
        var made = verity ? JsonSerializer.Deserialize(await File.ReadAllTextAsync(Path.Combine(folder, "verity.json"), context.Cancellation).ConfigureAwait(false), ModelJson.Default.VerityTree) : null;
        return new RootImage(Path.Combine(folder, "root.ext4.zst"), made is null ? size.Bytes : (long)chunks.Length * ChunkSize, chunks, made);
    }

    private static async Task BuildAsync(StageWork work, PackageSet packages, string tree, ByteSize size, bool verity)
    {
        var raw = work.At("root.ext4");
        work.Say("making the file system");
        await using (var file = new FileStream(raw, FileMode.CreateNew)) file.SetLength(size.Bytes);
        // Inode tables and journal are zero here and declared to be so: left to the kernel, it would write them into every node's root.
        var options = $"hash_seed={HashSeed},lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0,{RootFileSystem.ExtendedOptions}";
        var epoch = packages.Epoch.ToString(CultureInfo.InvariantCulture);
        var make = new ImageTool(packages.Root).Call("mke2fs", "-q", "-F", "-t", "ext4", "-U", FileSystemId, "-m", "1", "-J", $"size={JournalMiB}", "-E", options, "-d", tree, raw)
            .WithEnvironment("SOURCE_DATE_EPOCH", epoch)
            .WithEnvironment("E2FSPROGS_FAKE_TIME", epoch)
            .WithEnvironment("MKE2FS_CONFIG", Path.Combine(packages.Root, "etc/mke2fs.conf"));
        try
        {
            await work.RunAsync(make).ConfigureAwait(false);
        }
        catch (ExternalCommandException e) when (e.Message.Contains("Could not allocate", StringComparison.Ordinal))
        {
            throw new FailureException($"the root's files do not fit into rootSize {size}; write a larger one into the image definition", e);
        }
        if (verity)
        {
            work.Say("making the hash tree");
            var made = await HashTree.AppendAsync(work, raw, ChunkDigest.RootDigestOf(Digest(raw)), ChunkSize).ConfigureAwait(false);
            await File.WriteAllTextAsync(work.At("verity.json"), JsonSerializer.Serialize(made, ModelJson.Default.VerityTree)).ConfigureAwait(false);
        }
        work.Say("computing digests");
        await File.WriteAllLinesAsync(work.At("chunks"), Digest(raw)).ConfigureAwait(false);
        work.Say("compressing");
        await work.RunAsync(ExternalCommand.Of("zstd", "-q", "-T0", $"-{CompressionLevel}", "--rm", raw, "-o", raw + ".zst")).ConfigureAwait(false);
    }

    private static IReadOnlyList<string> Digest(string raw)
    {
        var digest = new ChunkDigest(ChunkSize);
        var buffer = new byte[ChunkSize];
        using var file = File.OpenRead(raw);
        while (file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) is > 0 and var length) digest.Append(buffer.AsSpan(0, length));
        return digest.Chunks;
    }
}
