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
        var image = JsonSerializer.Deserialize(await File.ReadAllTextAsync(imageFile), ModelJson.Default.ImageInfo)!;
        var runner = new CommandRunner();
        var table = (await runner.RunAsync(ExternalCommand.Of("sfdisk", "--json", sanFile))).Output;
        using var partitions = JsonDocument.Parse(table);
        var physical = partitions.RootElement.GetProperty("partitiontable").GetProperty("partitions")[2];
        var start = physical.GetProperty("start").GetInt64() * 512;
        await using var volume = await LoopDevice.CreateAsync(runner, sanFile, start, physical.GetProperty("size").GetInt64() * 512);
        var group = (await new LvmTools(runner, volume.Path).ReadAsync())!;
        var origin = group.Find(NodeVolumes.OriginName(image.Image))!;
        Assert.Single(origin.Segments);
        await using var device = await LoopDevice.CreateAsync(runner, sanFile, start + group.OffsetOf(origin), group.SizeOf(origin));
        using var source = BlockDevice.Open(device.Path, writable: false);
        OriginWriter.Verify(image, source);
    }

    private sealed class LoopDevice(CommandRunner runner, string path) : IAsyncDisposable
    {
        public string Path { get; } = path;

        public static async Task<LoopDevice> CreateAsync(CommandRunner runner, string file, long offset, long size) =>
            new(runner, (await runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", "--read-only", "--offset", offset.ToString(CultureInfo.InvariantCulture), "--sizelimit", size.ToString(CultureInfo.InvariantCulture), file))).Output.Trim());

        public async ValueTask DisposeAsync() => await runner.RunAsync(ExternalCommand.Of("losetup", "-d", Path));
    }
}
