using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Volumes of one real LVM group copied into another one of the same name, on loop devices; nothing is activated.</summary>
public sealed class VolumeCopyTests : IAsyncLifetime
{
    private readonly CommandRunner _runner = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-move").FullName;
    private readonly List<string> _loops = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var loop in _loops) await _runner.RunAsync(ExternalCommand.Of("losetup", "-d", loop).Accepting());
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Two_groups_of_one_name_are_never_mistaken_for_each_other_and_the_copy_has_every_byte_and_no_more()
    {
        var (old, fresh) = (new LvmTools(_runner, await LoopAsync("old", 1 << 30)), new LvmTools(_runner, await LoopAsync("new", 1 << 30)));
        await old.CreateAsync();
        await old.CommitAsync((await old.ReadAsync())!.Add("a", ByteSize.FromMiB(64), readOnly: true, "virtualinux.origin").Add("b", ByteSize.FromMiB(16), false));
        // In two segments, the second behind another volume.
        await old.CommitAsync((await old.ReadAsync())!.Extend("a", ByteSize.FromMiB(100)));
        var source = (await old.ReadAsync())!;
        Assert.Equal(2, source.Find("a")!.Segments.Count);
        await fresh.CreateAsync();
        var empty = (await fresh.ReadAsync())!;
        await fresh.CommitAsync(empty.Add(source.Volumes.Select(v => new NewVolume(v.Name, new ByteSize(source.SizeOf(v)), v.ReadOnly, v.Tags))));
        var target = (await fresh.ReadAsync())!;
        Assert.NotEqual(source.Id, target.Id);
        Assert.Equal(source.Volumes.Count, (await old.ReadAsync())!.Volumes.Count);

        var pieces = new[] { 0L, (4 << 20) - 3, 63 << 20, 64 << 20, (100 << 20) - 1000 };
        var content = Assemble(source, source.Find("a")!, old);
        using (var written = BlockDevice.Open(content, writable: true))
            foreach (var at in pieces) written.Write(at, RandomNumberGenerator.GetBytes(1000));
        var copied = Path.Combine(_folder, "copy");
        await using (var sized = File.Create(copied)) sized.SetLength(100 << 20);
        using (var dirty = BlockDevice.Open(copied, writable: true)) dirty.Write(20 << 20, RandomNumberGenerator.GetBytes(1 << 20));

        using var from = BlockDevice.Open(content, writable: false);
        using var to = BlockDevice.Open(copied, writable: true);
        var seen = 0L;
        var (digest, bytes) = VolumeCopy.Copy(from, to, done => seen = done);
        // Chunks 0, 1, 15, 16 and 24 have data, and chunk 5 of the target had to be cleared.
        Assert.Equal((6L * VolumeCopy.ChunkSize, 100L << 20), (bytes, seen));
        VolumeCopy.Verify(digest, to);
        Assert.Equal(SHA256.HashData(await File.ReadAllBytesAsync(content)), SHA256.HashData(await File.ReadAllBytesAsync(copied)));
        Assert.Equal(5L * VolumeCopy.ChunkSize, VolumeCopy.Copy(from, to).Written);

        var flipped = new byte[1];
        to.Read(63 << 20, flipped);
        flipped[0] ^= 1;
        to.Write(63 << 20, flipped);
        Assert.Contains("chunk 15 at byte 62914560 is not what was written", Assert.Throws<FailureException>(() => VolumeCopy.Verify(digest, to)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_smaller_target_is_refused()
    {
        foreach (var (name, size) in (ReadOnlySpan<(string, int)>)[("large", 9 << 20), ("small", 8 << 20)])
        {
            using var sized = File.Create(Path.Combine(_folder, name));
            sized.SetLength(size);
        }
        using var from = BlockDevice.Open(Path.Combine(_folder, "large"), writable: false);
        using var to = BlockDevice.Open(Path.Combine(_folder, "small"), writable: true);
        Assert.Throws<FailureException>(() => VolumeCopy.Copy(from, to));
        // The last chunk may be short.
        using var same = BlockDevice.Open(Path.Combine(_folder, "large"), writable: true);
        var (digest, _) = VolumeCopy.Copy(from, same);
        Assert.Equal(3, digest.Chunks.Count);
        VolumeCopy.Verify(digest, same);
    }

    /// <summary>A volume's extents as a file, as device-mapper shows them as a device.</summary>
    private string Assemble(VolumeGroup group, LogicalVolume volume, LvmTools lvm)
    {
        var file = Path.Combine(_folder, "volume");
        using var assembled = File.Create(file);
        var devices = lvm.DevicesOf(group);
        foreach (var segment in volume.Segments)
        {
            using var physical = BlockDevice.Open(devices[segment.PhysicalVolume], writable: false);
            var bytes = new byte[segment.Count * group.ExtentSectors * 512];
            physical.Read((group.PhysicalVolumes[0].Start + segment.First * group.ExtentSectors) * 512, bytes);
            assembled.Write(bytes);
        }
        return file;
    }

    private async Task<string> LoopAsync(string name, long size)
    {
        var file = Path.Combine(_folder, name);
        await using (var sized = File.Create(file)) sized.SetLength(size);
        _loops.Add((await _runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", file))).Output.Trim());
        return _loops[^1];
    }
}
