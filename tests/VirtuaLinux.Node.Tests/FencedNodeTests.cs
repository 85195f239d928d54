using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Tests;

/// <summary>The reset of a node that does not boot: metadata of a real pool (thin-provisioning-tools) in a file, and a folder for its <c>local</c> volume.</summary>
public sealed class FencedNodeTests : IAsyncLifetime
{
    private const int Size = 8 << 20;

    private static readonly RootRecord Running = new() { Image = ImageVersion.Parse("debian-13@2"), RootDigest = "bb", ThinId = 1, RenderedSerial = 7, NextThin = 2, Kept = [new RootGeneration(ImageVersion.Parse("debian-13@1"), "aa", 0, 3)] };

    private readonly CommandRunner _runner = new();
    private readonly string _local = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;
    private readonly List<string> _said = [];

    private string Device => Path.Combine(_local, "metadata");

    private PoolMetadata Metadata => new(_runner, "node01", Device, new ByteSize(4096L << 16), Path.Combine(_local, RootRecord.FolderName), _said.Add);

    public async ValueTask InitializeAsync()
    {
        var devices = string.Concat(Enumerable.Range(0, 2).Select(id => $"""<device dev_id="{id}" mapped_blocks="1" transaction="0" creation_time="0" snap_time="0"><single_mapping origin_block="0" data_block="{id}" time="0"/></device>"""));
        var xml = Path.Combine(_local, "pool.xml");
        await File.WriteAllTextAsync(xml, $"""<superblock uuid="" time="0" transaction="0" flags="0" version="2" data_block_size="128" nr_data_blocks="4096">{devices}</superblock>""");
        await using (var file = File.Create(Device)) file.SetLength(Size);
        await _runner.RunAsync(ExternalCommand.Of("thin_restore", "-i", xml, "-o", Device));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_local, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_sound_pool_keeps_the_root_to_go_back_to()
    {
        Running.Write(_local);
        await ResetAsync();
        var record = RootRecord.Read(_local)!;
        Assert.Equal((2, 0L, 1), (record.ThinId, record.RenderedSerial, record.Dropped.Single()));
        Assert.Equal(Running.Kept, record.Kept);
        Assert.Empty(_said);
        Assert.Equal(PoolState.Sound, await BootAsync());
    }

    [Fact]
    public async Task A_pool_beyond_repair_refuses_to_boot_until_it_is_reset_and_begins_anew_then()
    {
        Running.Write(_local);
        using (var device = BlockDevice.Open(Device, writable: true)) device.Write(0, new byte[Size]);
        await Assert.ThrowsAsync<PoolBeyondRepairException>(BootAsync);
        await ResetAsync();
        Assert.Contains(_said, l => l.Contains("the root over debian-13@1 is lost with it", StringComparison.Ordinal));
        var record = RootRecord.Read(_local)!;
        Assert.Equal((2, 0L, 0), (record.ThinId, record.RenderedSerial, record.Kept.Count));
        Assert.Equal(PoolState.New, await BootAsync());
    }

    [Fact]
    public async Task Roots_without_a_record_go()
    {
        await ResetAsync();
        Assert.Null(RootRecord.Read(_local));
        Assert.True(NodeVolumes.IsBlank(Device));
    }

    private Task ResetAsync() => FencedNode.NoteResetAsync(_local, "node01", Metadata, _said.Add, TestContext.Current.CancellationToken);

    /// <summary>What the node's next boot makes of its pool.</summary>
    private Task<PoolState> BootAsync() => Metadata.PrepareAsync(RootRecord.Read(_local)!.ToThinRoot().IsPoolUsed, TestContext.Current.CancellationToken);
}
