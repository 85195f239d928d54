using CsCheck;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

public sealed class VolumeGroupTests
{
    private static readonly VolumeGroup Empty = new() { Name = "virtualinux", Id = "VGID", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "PVID", 2048, 1000)], Volumes = [] };

    [Fact]
    public void What_is_written_is_read_back() => Gen.Select(Gen.Int[1, 40], Gen.Bool).List[0, 20].Sample(list =>
    {
        var group = list.Index().Aggregate(Empty, (g, v) => g.Add($"volume{v.Index}", ByteSize.FromMiB(v.Item.Item1), v.Item.Item2, $"tag.{v.Index}"));
        Assert.True(VolumeGroup.TryParse(VolumeGroupWriter.Write(group), out var read, out var reason), reason);
        Assert.Equal(VolumeGroupWriter.Write(group), VolumeGroupWriter.Write(read));
    }, iter: 300);

    [Fact]
    public void No_extent_belongs_to_two_volumes() => Gen.Int[1, 400].List[1, 30].Sample(sizes =>
    {
        var group = Empty;
        foreach (var (index, size) in sizes.Index())
        {
            if ((size + 3) / 4 > group.FreeExtents) continue;
            group = group.Add($"volume{index}", ByteSize.FromMiB(size), readOnly: false);
            // A hole, as a volume that was removed leaves it.
            if (index % 3 == 1) group = group with { Volumes = [.. group.Volumes.Skip(1)] };
        }
        var extents = group.Volumes.SelectMany(v => v.Segments).SelectMany(s => Enumerable.Range((int)s.First, (int)s.Count)).ToList();
        Assert.Equal(extents.Count, extents.Distinct().Count());
        Assert.All(extents, e => Assert.InRange(e, 0, 999));
    }, iter: 500);

    [Fact]
    public void Random_text_is_refused_with_a_line_and_never_throws() => Gen.String.Sample(text =>
    {
        if (!VolumeGroup.TryParse(text, out _, out var reason)) Assert.NotEmpty(reason);
    });

    [Fact]
    public void A_damaged_text_is_refused_or_read_and_never_throws()
    {
        var text = VolumeGroupWriter.Write(NodeVolumes.AddNodes(Empty, ["node01"], new SiteVolumes { Root = ByteSize.FromMiB(64), Local = ByteSize.FromMiB(16) }));
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Char).Sample((at, c) => VolumeGroup.TryParse(string.Concat(text.AsSpan(0, at), c.ToString(), text.AsSpan(at + 1)), out _, out _) || true);
    }

    [Fact]
    public void A_volume_maps_to_its_extents()
    {
        var group = Empty.Add("a", ByteSize.FromMiB(8), readOnly: false).Add("b", ByteSize.FromMiB(4), readOnly: false).Add("c", ByteSize.FromMiB(4), readOnly: false);
        group = (group with { Volumes = [.. group.Volumes.Where(v => v.Name != "b")] }).Add("d", ByteSize.FromMiB(12), readOnly: false);
        Assert.Equal("0 8192 linear /dev/sda3 18432\n8192 16384 linear /dev/sda3 34816\n", group.Table(group.Find("d")!, new Dictionary<string, string> { ["pv0"] = "/dev/sda3" }));
        Assert.Equal((2048 + 2 * 8192) * 512, group.OffsetOf(group.Find("d")!));
    }

    [Fact]
    public void A_volume_that_does_not_fit_is_refused() => Assert.Throws<InvalidOperationException>(() => Empty.Add("a", ByteSize.FromGiB(4), readOnly: false));

    [Fact]
    public void The_metadata_of_a_pool_has_room_for_every_block()
    {
        // thin_metadata_size(8): about 64 bytes a mapping of one block.
        Assert.True(VolumeSizes.PoolMetadata(ByteSize.FromGiB(8)).Bytes >= (8L << 30) / (64 << 10) * 64 * 2);
        Assert.Equal(8 << 20, VolumeSizes.PoolMetadata(ByteSize.FromMiB(64)).Bytes);
    }
}
