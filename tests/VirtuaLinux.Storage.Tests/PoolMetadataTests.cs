using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Metadata of a real pool (thin-provisioning-tools), in a file.</summary>
public sealed class PoolMetadataTests : IAsyncLifetime
{
    private const int Size = 8 << 20, Block = 4096;

    private readonly CommandRunner _runner = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;
    private readonly List<string> _said = [];

    private string Device => Path.Combine(_folder, "metadata");

    private string Local => Path.Combine(_folder, "local");

    private PoolMetadata Metadata => new(_runner, "node01", Device, new ByteSize(4096L << 16), Local, _said.Add);

    public async ValueTask InitializeAsync()
    {
        var mappings = string.Concat(Enumerable.Range(0, 2000).Select(i => $"""<single_mapping origin_block="{i}" data_block="{1999 - i}" time="0"/>"""));
        var xml = Path.Combine(_folder, "pool.xml");
        await File.WriteAllTextAsync(xml, $"""<superblock uuid="" time="0" transaction="0" flags="0" version="2" data_block_size="128" nr_data_blocks="4096"><device dev_id="0" mapped_blocks="2000" transaction="0" creation_time="0" snap_time="0">{mappings}</device></superblock>""");
        await using (var file = File.Create(Device)) file.SetLength(Size);
        await _runner.RunAsync(ExternalCommand.Of("thin_restore", "-i", xml, "-o", Device));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Sound_metadata_stay_as_they_are()
    {
        var before = await File.ReadAllBytesAsync(Device);
        Assert.Equal(PoolState.Sound, await Metadata.PrepareAsync(isUsed: true));
        Assert.Equal(PoolState.Sound, await Metadata.PrepareAsync(isUsed: false));
        Assert.Equal(before, await File.ReadAllBytesAsync(Device));
        Assert.Empty(_said);
        Assert.False(Directory.Exists(Local));
    }

    [Fact]
    public void A_store_that_is_smaller_than_its_pool_has_it_is_found_in_metadata_of_a_group_that_are_too_old()
    {
        // 4096 blocks of 64 KiB are 64 extents; the file is the physical volume.
        string? Smaller(long extents, long first) => new NodeVolumes(_runner, new VolumeGroup
        {
            Name = LvmTools.GroupName,
            Id = "",
            Sequence = 1,
            ExtentSectors = 8192,
            PhysicalVolumes = [new PhysicalVolume("pv0", "", 0, 200)],
            Volumes = [new LogicalVolume("node01_meta", "", false, ["virtualinux.pool-metadata"], [new LinearSegment("pv0", first, 1)]), new LogicalVolume("node01_data", "", false, ["virtualinux.pool-data"], [new LinearSegment("pv0", 2, extents)])],
        }, new Dictionary<string, string> { ["pv0"] = Device }).SmallerThanItsPool();
        Assert.Null(Smaller(64, 0));
        Assert.Null(Smaller(70, 0));
        Assert.Equal("node01_data", Smaller(63, 0));
        Assert.Null(Smaller(63, 1)); // no pool's metadata
    }

    [Theory]
    [InlineData("0 131072 linear 8:3 34816\n131072 8192 linear 8:19 2048\n", "0 131072 linear /dev/sda3 34816\n131072 8192 linear /dev/sdb1 2048", true)]
    [InlineData("0 131072 linear 8:3 34816", "0 131072 linear /dev/sda3 43008", false)]
    [InlineData("0 131072 linear 8:3 34816", "0 65536 linear /dev/sda3 34816", false)]
    public void What_is_mapped_is_told_by_its_places_whatever_the_devices_are_called(string kernel, string group, bool same) => Assert.Equal(same, NodeVolumes.Places(kernel) == NodeVolumes.Places(group));

    [Fact]
    public async Task Damaged_metadata_are_repaired_with_all_mappings_and_the_damaged_ones_are_kept()
    {
        var mappings = await MappingsAsync();
        Damage();
        var damaged = await File.ReadAllBytesAsync(Device);
        Assert.Equal(PoolState.Repaired, await Metadata.PrepareAsync(isUsed: true));
        Assert.Equal(mappings, await MappingsAsync());
        Assert.Equal(damaged, await File.ReadAllBytesAsync(Path.Combine(Local, "pool-metadata.damaged")));
        Assert.Contains(_said, l => l.Contains("are repaired", StringComparison.Ordinal));
        Assert.Equal(PoolState.Sound, await Metadata.PrepareAsync(isUsed: true));
    }

    [Fact]
    public async Task A_superblock_of_zeros_is_damage_where_roots_are_and_repaired_with_all_mappings()
    {
        var mappings = await MappingsAsync();
        Zero(Block);
        Assert.True(NodeVolumes.IsBlank(Device));
        Assert.Equal(PoolState.Repaired, await Metadata.PrepareAsync(isUsed: true));
        Assert.Equal(mappings, await MappingsAsync());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(100)]
    [InlineData(Size / Block)]
    public async Task Zeros_however_many_never_make_an_empty_pool_of_one_that_was_used(int blocks)
    {
        var mappings = await MappingsAsync();
        Zero(blocks * Block);
        var damaged = await File.ReadAllBytesAsync(Device);
        try
        {
            Assert.Equal(PoolState.Repaired, await Metadata.PrepareAsync(isUsed: true));
            Assert.Equal(mappings, await MappingsAsync());
        }
        catch (PoolBeyondRepairException e)
        {
            Assert.Contains("'virtualinux node reset node01'", e.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, await File.ReadAllBytesAsync(Device));
        }
    }

    [Fact]
    public async Task A_pool_without_roots_begins_anew_whatever_is_left_of_an_older_one()
    {
        Directory.CreateDirectory(Local);
        File.Copy(Device, Path.Combine(Local, "pool-metadata.repaired"));
        Damage();
        Assert.Equal(PoolState.New, await Metadata.PrepareAsync(isUsed: false));
        Assert.True(NodeVolumes.IsBlank(Device));
        Assert.Empty(Directory.GetFiles(Local));

        await File.WriteAllBytesAsync(Device, [.. Enumerable.Repeat((byte)0x5A, Size)]);
        Assert.Equal(PoolState.New, await Metadata.PrepareAsync(isUsed: false));
        Assert.True(NodeVolumes.IsBlank(Device));
        Assert.Contains("begins anew", Assert.Single(_said), StringComparison.Ordinal);
        Assert.Equal(PoolState.New, await Metadata.PrepareAsync(isUsed: false));
    }

    [Fact]
    public void A_root_that_was_used_is_never_asked_to_be_made()
    {
        Assert.Equal([("delete 1", true)], NodeVolumes.PoolMessages(new ThinRoot(2, IsUsed: true, IsPoolUsed: true, [1]), PoolState.Repaired));
        Assert.Equal([("create_thin 2", true)], NodeVolumes.PoolMessages(new ThinRoot(2, IsUsed: false, IsPoolUsed: true, []), PoolState.Sound));
        Assert.Equal([("delete 0", true), ("create_thin 2", false)], NodeVolumes.PoolMessages(new ThinRoot(2, IsUsed: false, IsPoolUsed: false, [0]), PoolState.New));
    }

    [Fact]
    public async Task A_repair_that_a_power_cut_ended_while_it_was_taken_over_is_gone_on_with()
    {
        var mappings = await MappingsAsync();
        Directory.CreateDirectory(Local);
        File.Copy(Device, Path.Combine(Local, "pool-metadata.repaired"));
        Zero(Size);
        Assert.Equal(PoolState.Repaired, await Metadata.PrepareAsync(isUsed: true));
        Assert.Equal(mappings, await MappingsAsync());
        Assert.Equal([], Directory.GetFiles(Local));
    }

    [Fact]
    public async Task Metadata_beyond_repair_are_kept_for_whoever_looks_at_them()
    {
        await File.WriteAllBytesAsync(Device, [.. Enumerable.Repeat((byte)0x5A, Size)]);
        var failure = await Assert.ThrowsAsync<PoolBeyondRepairException>(() => Metadata.PrepareAsync(isUsed: true));
        Assert.Contains("beyond repair", failure.Message, StringComparison.Ordinal);
        Assert.All(await File.ReadAllBytesAsync(Path.Combine(Local, "pool-metadata.damaged")), b => Assert.Equal(0x5A, b));
        Assert.All(await File.ReadAllBytesAsync(Device), b => Assert.Equal(0x5A, b));
    }

    /// <summary>The superblock no longer fits its checksum.</summary>
    private void Damage()
    {
        using var file = File.OpenWrite(Device);
        file.Seek(Block / 2, SeekOrigin.Begin);
        file.Write([1, 2, 3, 4, 5, 6, 7, 8]);
    }

    private void Zero(int bytes)
    {
        using var device = BlockDevice.Open(Device, writable: true);
        device.Write(0, new byte[bytes]);
    }

    private async Task<string> MappingsAsync() => (await _runner.RunAsync(ExternalCommand.Of("thin_dump", Device))).Output;
}
