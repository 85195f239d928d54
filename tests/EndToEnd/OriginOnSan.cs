using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.EndToEnd;

/// <summary>Looks at the origin in the SAN's own file, past every node.</summary>
internal static class OriginOnSan
{
    /// <summary>Compares every chunk of the origin with the digests that the image was built with.</summary>
    public static async Task VerifyAsync(string sanFile, string imageFile)
    {
        var (image, runner) = (Read(imageFile), new CommandRunner());
        await using var device = await LoopDevice.CreateAsync(runner, sanFile, await StartAsync(runner, sanFile, image), image.RootSize);
        using var source = BlockDevice.Open(device.Path, writable: false);
        OriginWriter.Verify(image, source);
    }

    /// <summary>The largest file of a folder, and the blocks of the origin that hold it, in order (debugfs(8)).</summary>
    public static async Task<(string Path, IReadOnlyList<long> Blocks)> LargestFileAsync(string sanFile, string imageFile, string folder)
    {
        var (image, runner) = (Read(imageFile), new CommandRunner());
        await using var device = await LoopDevice.CreateAsync(runner, sanFile, await StartAsync(runner, sanFile, image), image.RootSize);
        async Task<string> AskAsync(string request) => (await runner.RunAsync(ExternalCommand.Of("debugfs", "-R", request, device.Path))).Output;
        // /inode/mode/uid/gid/name/size/; folders have no size.
        var largest = (await AskAsync($"ls -p {folder}")).Split('\n').Select(l => l.Split('/')).Where(f => f.Length > 6 && f[6].Length > 0).MaxBy(f => long.Parse(f[6], CultureInfo.InvariantCulture))!;
        var path = $"{folder}/{largest[5]}";
        long[] blocks = [.. (await AskAsync($"blocks {path}")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(b => long.Parse(b, CultureInfo.InvariantCulture))];
        Assert.Equal((long.Parse(largest[6], CultureInfo.InvariantCulture) + VerityTree.BlockSize - 1) / VerityTree.BlockSize, blocks.Length);
        return (path, blocks);
    }

    /// <summary>Flips one bit of a block of the origin; twice is as never.</summary>
    public static async Task FlipBitAsync(string sanFile, string imageFile, long block)
    {
        using var san = BlockDevice.Open(sanFile, writable: true);
        var at = await StartAsync(new CommandRunner(), sanFile, Read(imageFile)) + block * VerityTree.BlockSize;
        var one = new byte[1];
        san.Read(at, one);
        one[0] ^= 1;
        san.Write(at, one);
        san.Flush();
    }

    /// <summary>What the build says of an image.</summary>
    public static ImageInfo Read(string imageFile) => JsonSerializer.Deserialize(File.ReadAllText(imageFile), ModelJson.Default.ImageInfo)!;

    /// <summary>Where the origin begins in the SAN's file, in bytes.</summary>
    private static async Task<long> StartAsync(CommandRunner runner, string sanFile, ImageInfo image)
    {
        var table = (await runner.RunAsync(ExternalCommand.Of("sfdisk", "--json", sanFile))).Output;
        using var partitions = JsonDocument.Parse(table);
        var physical = partitions.RootElement.GetProperty("partitiontable").GetProperty("partitions")[2];
        var start = physical.GetProperty("start").GetInt64() * 512;
        await using var volume = await LoopDevice.CreateAsync(runner, sanFile, start, physical.GetProperty("size").GetInt64() * 512);
        var group = (await new LvmTools(runner, volume.Path).ReadAsync())!;
        var origin = group.Find(NodeVolumes.OriginName(image.Image))!;
        Assert.Single(origin.Segments);
        return start + group.OffsetOf(origin);
    }

    private sealed class LoopDevice(CommandRunner runner, string path) : IAsyncDisposable
    {
        public string Path { get; } = path;

        public static async Task<LoopDevice> CreateAsync(CommandRunner runner, string file, long offset, long size) =>
            new(runner, (await runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", "--read-only", "--offset", offset.ToString(CultureInfo.InvariantCulture), "--sizelimit", size.ToString(CultureInfo.InvariantCulture), file))).Output.Trim());

        public async ValueTask DisposeAsync() => await runner.RunAsync(ExternalCommand.Of("losetup", "-d", Path));
    }
}
