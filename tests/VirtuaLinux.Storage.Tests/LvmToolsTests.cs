using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Bench;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Against the real LVM, on a loop device; nothing is activated.</summary>
public sealed class LvmToolsTests : IAsyncLifetime
{
    private readonly CommandRunner _runner = new();
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-lvm-{Guid.NewGuid():N}.img");
    private readonly List<string> _devices = [];
    private string _device = "";

    private string Second => $"{_file}.2";

    public async ValueTask InitializeAsync() => _device = await AttachAsync(_file, 8L << 30);

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices) await _runner.RunAsync(ExternalCommand.Of("losetup", "-d", device).Accepting());
        foreach (var file in (string[])[_file, Second]) File.Delete(file);
    }

    private async Task<string> AttachAsync(string file, long size)
    {
        using (var created = File.Create(file)) created.SetLength(size);
        var device = (await _runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", file))).Output.Trim();
        _devices.Add(device);
        return device;
    }

    [Fact]
    public async Task A_blank_device_has_no_group() => Assert.Null(await new LvmTools(_runner, _device).ReadAsync());

    [Fact]
    public async Task Volumes_that_were_committed_at_once_are_what_LVM_sees()
    {
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        var empty = Assert.IsType<VolumeGroup>(await lvm.ReadAsync());
        var volumes = new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) };
        var full = NodeVolumes.AddNodes(empty, Enumerable.Range(1, 20).Select(i => $"node{i:00}"), volumes);

        await lvm.CommitAsync(full);

        var read = Assert.IsType<VolumeGroup>(await lvm.ReadAsync());
        Assert.Equal(full.Volumes.Select(v => (v.Name, v.Extents, v.Segments[0].First)), read.Volumes.Select(v => (v.Name, v.Extents, v.Segments[0].First)));
        Assert.True(read.Sequence > empty.Sequence);
        var report = (await _runner.RunAsync(ExternalCommand.Of("lvs", "--config", $"devices {{ use_devicesfile=0 filter=[\"a|^{_device}$|\",\"r|.*|\"] }}", "--noheadings", "--units", "b", "--nosuffix", "-o", "lv_name,lv_size,lv_tags", LvmTools.GroupName))).Output;
        Assert.Equal(60, report.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains($"{"node20_data",13} {64 << 20} virtualinux.pool-data", string.Join('\n', report.Split('\n').Select(l => $"{l.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(),13} {string.Join(' ', l.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))}")));

        await lvm.CommitAsync(read.Remove([.. read.Volumes.Select(v => v.Name)]));
        Assert.Equal((0, empty.FreeExtents), await lvm.ReadAsync() is { } none ? (none.Volumes.Count, none.FreeExtents) : default);
    }

    [Fact]
    public async Task The_volumes_of_a_thousand_nodes_are_one_commit_with_less_than_a_megabyte_written_for_each()
    {
        const int nodes = 1000;
        using (var file = File.OpenWrite(_file)) file.SetLength(400L << 30);
        await _runner.RunAsync(ExternalCommand.Of("losetup", "-c", _device));
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        var empty = (await lvm.ReadAsync())!;

        var (_, written) = await CreationBench.AddAsync(lvm, _device, nodes, new SiteVolumes { Root = ByteSize.FromMiB(512), Local = ByteSize.FromMiB(32) });

        var read = (await lvm.ReadAsync())!;
        Assert.Equal((3 * nodes, 1L), (read.Volumes.Count, read.Sequence - empty.Sequence));
        // Zeros for two volumes, and LVM's text; less would mean that it was not all counted.
        Assert.InRange(written / nodes, 128 << 10, (1 << 20) - 1);
        long at = 0;
        foreach (var segment in read.Volumes.Select(v => Assert.Single(v.Segments)).OrderBy(s => s.First))
        {
            Assert.Equal(at, segment.First);
            at += segment.Count;
        }
    }

    [Fact]
    public async Task The_simulation_of_many_nodes_writes_as_much_for_each_whatever_their_number_and_leaves_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("virtualinux-many-").FullName;
        var (_, few) = await CreationBench.SimulateAsync(_runner, folder, 20);
        var (_, many) = await CreationBench.SimulateAsync(_runner, folder, 80);
        Assert.InRange(few / 20, 128 << 10, (1 << 20) - 1);
        Assert.InRange(many / 80, 128 << 10, few / 20);
        Assert.DoesNotContain(folder, (await _runner.RunAsync(ExternalCommand.Of("losetup", "--list", "--noheadings", "--output", "BACK-FILE"))).Output, StringComparison.Ordinal);
        Directory.Delete(folder); // which it would not do with anything in it
    }

    [Fact]
    public async Task Creating_the_group_again_starts_anew()
    {
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        await lvm.CommitAsync(NodeVolumes.AddNodes((await lvm.ReadAsync())!, ["node01"], new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) }));
        await lvm.CreateAsync();
        Assert.Empty((await lvm.ReadAsync())!.Volumes);
    }

    [Fact]
    public async Task An_image_counts_as_unverified_until_it_was_read_back_and_another_one_stays_as_it_is()
    {
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        var first = Image("debian-13@1");
        var second = Image("debian-13@2");
        await lvm.CommitAsync(NodeVolumes.AddImage((await lvm.ReadAsync())!, first));
        await lvm.CommitAsync(NodeVolumes.MarkVerified((await lvm.ReadAsync())!, first.Image));
        await lvm.CommitAsync(NodeVolumes.AddImage((await lvm.ReadAsync())!, second));

        var group = (await lvm.ReadAsync())!;
        string[] unverified = [NodeVolumes.OriginName(second.Image), NodeVolumes.BootName(second.Image)];
        Assert.Equal(4, group.Volumes.Count);
        Assert.Equal(unverified, group.Volumes.Where(NodeVolumes.IsUnverified).Select(v => v.Name));
        Assert.Contains("digest.d-debian-13@1".Replace('@', '_'), group.Find(NodeVolumes.OriginName(first.Image))!.Tags);
    }

    [Fact]
    public async Task A_group_that_got_aSecond_device_and_a_larger_first_one_has_their_extents_and_each_volume_its_device()
    {
        var second = await AttachAsync(Second, 1L << 30);
        var lvm = new LvmTools(_runner, _device, second);
        await lvm.CreateAsync();
        var one = (await lvm.ReadAsync())!;
        await lvm.AddAsync(one, second);
        var two = (await lvm.ReadAsync())!;
        Assert.Equal([_device, second], two.PhysicalVolumes.Select(p => lvm.DevicesOf(two)[p.Name]));
        Assert.Equal(one.FreeExtents + 255, two.FreeExtents);
        await lvm.AddAsync(two, second);

        using (var grown = File.OpenWrite(_file)) grown.SetLength(9L << 30);
        await _runner.RunAsync(ExternalCommand.Of("losetup", "-c", _device));
        await lvm.ResizeAsync(_device);
        two = (await lvm.ReadAsync())!;
        Assert.Equal(one.FreeExtents + 255 + 256, two.FreeExtents);

        // A store that takes all of the first device and the node's other volumes on the second one.
        var free = two.PhysicalVolumes[0].Count;
        await lvm.CommitAsync(two.Add("all", new ByteSize(free * (4 << 20)), readOnly: false));
        two = (await lvm.ReadAsync())!;
        using (var noise = BlockDevice.Open(second, writable: true)) noise.Write(1 << 20, new byte[1 << 20].Select(_ => (byte)7).ToArray());
        var added = NodeVolumes.AddNodes(two, ["node01"], new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) }, lvm.DevicesOf(two));
        await lvm.CommitAsync(added);
        var read = (await lvm.ReadAsync())!;
        var metadata = read.Find(NodeVolumes.MetadataName("node01"))!;
        Assert.Contains($" linear {second} ", read.Table(metadata, lvm.DevicesOf(read)), StringComparison.Ordinal);
        using var device = BlockDevice.Open(second, writable: false);
        var start = new byte[4096];
        device.Read(read.OffsetOf(metadata), start);
        Assert.True(ChunkDigest.IsZero(start));
        device.Read(read.OffsetOf(read.Find(NodeVolumes.LocalName("node01"))!) + start.Length, start);
        Assert.StartsWith("VirtuaLinux: nothing was ever written", System.Text.Encoding.ASCII.GetString(start), StringComparison.Ordinal);

        // Without the second LUN nothing is mapped.
        var half = new LvmTools(_runner, _device);
        var seen = await half.ReadAsync();
        Assert.Contains("see that the array shows all LUNs", Assert.Throws<FailureException>(() => half.DevicesOf(seen!)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_partition_that_was_made_and_never_got_a_group_has_none_and_is_not_damaged()
    {
        await new LvmTools(_runner, _device).CreateAsync();
        await _runner.RunAsync(ExternalCommand.Of("lvm", "vgremove", "-y", "--config", Devices(_device), LvmTools.GroupName).WithEnvironment("DM_DISABLE_UDEV", "1"));
        await _runner.RunAsync(ExternalCommand.Of("lvm", "pvcreate", "-ff", "-y", "--zero", "y", "--config", Devices(_device), _device).WithEnvironment("DM_DISABLE_UDEV", "1"));
        Assert.Null(await new LvmTools(_runner, _device).ReadAsync());
    }

    [Theory]
    [InlineData(4096, 512, "wrong checksum 0 in mda header")]
    [InlineData(4608, 16 << 10, "invalid name")]
    [InlineData(4096 + 40, 8, "wrong checksum")]
    public async Task Metadata_that_LVM_cannot_read_are_damaged_and_not_missing_and_are_written_anew_over_whole_data(int offset, int length, string words)
    {
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        await lvm.CommitAsync(NodeVolumes.AddNodes((await lvm.ReadAsync())!, ["node01"], new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) }));
        Assert.Null(await lvm.DamageAsync());
        var (text, group) = ((await lvm.ReadTextAsync())!, (await lvm.ReadAsync())!);
        var data = Noise(_device, group.OffsetOf(group.Volumes[0]));

        using (var device = BlockDevice.Open(_device, writable: true)) device.Write(offset, new byte[length]);
        var damaged = await Assert.ThrowsAsync<FailureException>(() => lvm.ReadAsync());
        Assert.StartsWith($"{_device}: the LVM metadata of the volume group virtualinux are damaged (", damaged.Message, StringComparison.Ordinal);
        Assert.Contains(words, damaged.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was changed: nodes that run go on", damaged.Message, StringComparison.Ordinal);
        Assert.Contains(words, await lvm.DamageAsync(), StringComparison.Ordinal);

        await lvm.RepairAsync(text, group.PhysicalVolumes[0]);
        Assert.Equal(VolumeGroupWriter.Write(group), VolumeGroupWriter.Write((await lvm.ReadAsync())!));
        Assert.Equal(data, Contents(_device, group.OffsetOf(group.Volumes[0])));
        await lvm.CommitAsync(group.Extend(group.Volumes[0].Name, ByteSize.FromMiB(32)));
        Assert.Equal(8, (await lvm.ReadAsync())!.Volumes[0].Extents);
    }

    [Fact]
    public async Task The_newest_metadata_that_are_left_on_the_device_are_found_and_those_of_another_group_are_not()
    {
        var lvm = new LvmTools(_runner, _device);
        await lvm.CreateAsync();
        var first = (await lvm.ReadAsync())!;
        await lvm.CreateAsync();
        var group = (await lvm.ReadAsync())!;
        foreach (var node in (string[])["node01", "node02", "node03"]) await lvm.CommitAsync(NodeVolumes.AddNodes((await lvm.ReadAsync())!, [node], new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) }));
        var last = (await lvm.ReadAsync())!;
        Assert.Null(await lvm.FindNewestAsync(first.Id + "x"));

        // Label, header and the oldest text are gone.
        using (var device = BlockDevice.Open(_device, writable: true)) device.Write(0, new byte[5120]);
        Assert.Null(await lvm.ReadAsync());
        Assert.Contains("not found", await lvm.DamageAsync(), StringComparison.Ordinal);
        var (text, found) = (await lvm.FindNewestAsync(group.Id))!.Value;
        Assert.Equal((last.Id, last.Sequence, 9), (found.Id, found.Sequence, found.Volumes.Count));

        await lvm.RepairAsync(text, found.PhysicalVolumes[0]);
        Assert.Equal(VolumeGroupWriter.Write(last), VolumeGroupWriter.Write((await lvm.ReadAsync())!));
    }

    [Fact]
    public async Task A_group_of_two_devices_is_repaired_by_the_label_of_the_other_one()
    {
        var second = await AttachAsync(Second, 1L << 30);
        var lvm = new LvmTools(_runner, _device, second);
        await lvm.CreateAsync();
        await lvm.AddAsync((await lvm.ReadAsync())!, second);
        var (text, group) = ((await lvm.ReadTextAsync())!, (await lvm.ReadAsync())!);
        using (var device = BlockDevice.Open(_device, writable: true)) device.Write(0, new byte[1 << 20]);
        Assert.Null(await lvm.ReadAsync());
        Assert.Null(await lvm.FindNewestAsync(group.Id));
        var devices = lvm.DevicesByLabel(group);
        Assert.Equal([_device, second], group.PhysicalVolumes.Select(p => devices[p.Name]));
        await lvm.RepairAsync(text, group.PhysicalVolumes[0]);
        Assert.Equal(VolumeGroupWriter.Write(group), VolumeGroupWriter.Write((await lvm.ReadAsync())!));

        var other = group with { PhysicalVolumes = [group.PhysicalVolumes[0], group.PhysicalVolumes[1] with { Id = "another" }] };
        Assert.Contains("those are not what is on", Assert.Throws<FailureException>(() => lvm.DevicesByLabel(other)).Message, StringComparison.Ordinal);
    }

    private static string Devices(string device) => $"devices {{ use_devicesfile=0 filter=[\"a|^{device}$|\",\"r|.*|\"] }}";

    private static byte[] Noise(string path, long offset)
    {
        var bytes = new byte[1 << 20];
        Random.Shared.NextBytes(bytes);
        using var device = BlockDevice.Open(path, writable: true);
        device.Write(offset, bytes);
        return bytes;
    }

    private static byte[] Contents(string path, long offset)
    {
        var bytes = new byte[1 << 20];
        using var device = BlockDevice.Open(path, writable: false);
        device.Read(offset, bytes);
        return bytes;
    }

    private static ImageInfo Image(string version) => new()
    {
        Image = ImageVersion.Parse(version),
        Distribution = "debian-13",
        KernelRelease = "6.12",
        RootSize = 64 << 20,
        BootSize = 16 << 20,
        RootDigest = $"d-{version}".Replace('@', '_'),
        BootDigest = "b",
        Chunks = [],
        ChunkSize = 1 << 20,
        SourceDateEpoch = 0,
    };
}
