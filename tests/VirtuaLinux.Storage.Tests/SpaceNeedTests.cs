using CsCheck;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

public sealed class SpaceNeedTests
{
    private const long Extent = 4 << 20;

    private static readonly SiteVolumes Volumes = new() { Root = ByteSize.FromGiB(4), Local = ByteSize.FromMiB(512), Reserve = new Percentage(10) };

    private static readonly ImageInfo Image = new() { Image = ImageVersion.Parse("debian-13@1"), Distribution = "debian-13", KernelRelease = "6.12", RootSize = 1L << 30, BootSize = 100 << 20, RootDigest = "d", BootDigest = "b", Chunks = [], ChunkSize = 1 << 20, SourceDateEpoch = 0 };

    [Fact]
    public void What_is_said_to_be_needed_is_what_is_taken() => Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5], Gen.Long[1, 3L << 30], Gen.Long[1, 3L << 30], Gen.Long[0, 2L << 30], Gen.Long[0, 2L << 30]).Sample((old, added, local, larger, shared, wider) =>
    {
        var before = NodeVolumes.AddNodes(Group(100_000), Names(old), Volumes with { Local = new ByteSize(local), Shared = new ByteSize(shared) });
        var wanted = Volumes with { Local = new ByteSize(larger), Shared = new ByteSize(wider) };
        var need = SpaceNeed.OfNodes(before, Names(old + added), wanted);
        var after = NodeVolumes.AddNodes(before, Names(old + added), wanted);
        Assert.Equal((before.FreeExtents - after.FreeExtents) * Extent, need.Needed.Bytes);
        Assert.Equal(before.FreeExtents * Extent, need.Free.Bytes);
        Assert.Equal(0, SpaceNeed.OfNodes(after, Names(old + added), wanted).Needed.Bytes);

        var image = SpaceNeed.OfImage(before, Image, Volumes.Reserve);
        Assert.Equal((before.FreeExtents - NodeVolumes.AddImage(before, Image).FreeExtents) * Extent, image.Needed.Bytes);
        Assert.Equal(0, SpaceNeed.OfImage(NodeVolumes.AddImage(before, Image), Image, Volumes.Reserve).Needed.Bytes);
    });

    [Fact]
    public void The_reserve_is_taken_only_by_who_says_so_and_nobody_takes_more_than_there_is()
    {
        // 1000 extents, 100 of them the reserve; the image takes 281.
        SpaceNeed Need(int free) => SpaceNeed.OfImage(Group(1000).Add("other", new ByteSize((1000 - free) * Extent), readOnly: false), Image, Volumes.Reserve);
        Need(381).Require("image debian-13@1", fromReserve: false);

        var refused = Assert.Throws<FailureException>(() => Need(380).Require("image debian-13@1", fromReserve: false)).Message;
        Assert.StartsWith("image debian-13@1 would take from the reserve, which exception stores grow from when they fill: 1.1 GiB needed, 1.5 GiB free, reserve 400.0 MiB; delete what", refused, StringComparison.Ordinal);
        Assert.EndsWith("; or add --from-reserve", refused, StringComparison.Ordinal);
        Need(380).Require("image debian-13@1", fromReserve: true);
        Need(281).Require("image debian-13@1", fromReserve: true);

        Assert.StartsWith("no room for image debian-13@1: 1.1 GiB needed, 1.1 GiB free, reserve 400.0 MiB; delete what", Assert.Throws<FailureException>(() => Need(280).Require("image debian-13@1", fromReserve: true)).Message, StringComparison.Ordinal);
        Assert.Equal(new ByteSize(400 << 20), VolumeSizes.Reserve(Group(1000), Volumes.Reserve));
    }

    [Fact]
    public void What_needs_nothing_is_done_although_the_reserve_was_taken_before()
    {
        var full = NodeVolumes.AddImage(Group(300), Image);
        SpaceNeed.OfImage(full, Image, Volumes.Reserve).Require("the image", fromReserve: false);
    }

    private static IEnumerable<string> Names(int count) => Enumerable.Range(1, count).Select(i => $"node{i:00}");

    private static VolumeGroup Group(long extents) => new() { Name = LvmTools.GroupName, Id = "", Sequence = 1, ExtentSectors = Extent / 512, PhysicalVolumes = [new PhysicalVolume("pv0", "", 2048, extents)], Volumes = [] };
}
