using System.Text.Json;
using CsCheck;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Node.Tests;

public sealed class RootRecordTests
{
    [Fact]
    public void A_reset_asked_for_twice_drops_the_old_root_once_and_remembers_that_local_goes_too()
    {
        var record = new RootRecord { Image = ImageVersion.Parse("debian-13@1"), RootDigest = "aa", ThinId = 3, RenderedSerial = 7 };
        var once = record.Reset(withLocal: false);
        Assert.Equal((4, 0L, false), (once.ThinId, once.RenderedSerial, once.DropsLocal));
        Assert.Equal([3], once.Dropped);
        var twice = once.Reset(withLocal: true);
        Assert.Equal((4, true), (twice.ThinId, twice.DropsLocal));
        Assert.Equal([3], twice.Dropped);
    }

    [Fact]
    public void A_pool_may_begin_anew_only_where_no_root_was_ever_run_on()
    {
        var record = new RootRecord { Image = ImageVersion.Parse("debian-13@1"), RootDigest = "aa", ThinId = 3 };
        Assert.Equal((false, false), (record.ToThinRoot().IsUsed, record.ToThinRoot().IsPoolUsed));
        var run = record with { RenderedSerial = 7 };
        Assert.Equal((true, true), (run.ToThinRoot().IsUsed, run.ToThinRoot().IsPoolUsed));
        var reset = run.Reset(withLocal: false).ToThinRoot();
        Assert.Equal((4, false, false), (reset.Id, reset.IsUsed, reset.IsPoolUsed));
        Assert.Equal([3], reset.Dropped);
        // The root of the image before must not be lost with the new one's.
        var over = run.Start(ImageVersion.Parse("debian-13@2"), Digest, run.Image, 8, DateTimeOffset.UnixEpoch).ToThinRoot();
        Assert.Equal((false, true), (over.IsUsed, over.IsPoolUsed));
    }

    [Fact]
    public void The_record_of_a_node_that_is_off_is_written_where_its_local_volume_is()
    {
        var local = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;
        try
        {
            Assert.Null(RootRecord.Read(local));
            new RootRecord { Image = ImageVersion.Parse("debian-13@1"), RootDigest = "aa", ThinId = 3, RenderedSerial = 7 }.Reset(withLocal: false).Write(local);
            var read = RootRecord.Read(local)!;
            Assert.Equal((4, 0L), (read.ThinId, read.RenderedSerial));
            Assert.Equal(["root.json"], Directory.GetFiles(Path.Combine(local, RootRecord.FolderName)).Select(Path.GetFileName));
        }
        finally
        {
            Directory.Delete(local, recursive: true);
        }
    }

    private static readonly string Digest = new('b', 64);

    [Fact]
    public void A_node_that_goes_over_to_an_image_and_back_finds_its_root_again_and_older_roots_are_dropped()
    {
        var now = DateTimeOffset.UnixEpoch;
        var (a, b, c) = (ImageVersion.Parse("debian-13@1"), ImageVersion.Parse("debian-13@2"), ImageVersion.Parse("debian-13@3"));
        var first = new RootRecord { Image = a, RootDigest = "aa", ThinId = 0, RenderedSerial = 3 }.Start(a, "aa", null, 3, now);
        Assert.Equal((a, 0, 3L), (first.Image, first.ThinId, first.RenderedSerial));

        var over = first.Start(b, Digest, a, 4, now);
        Assert.Equal((b, 1, 0L), (over.Image, over.ThinId, over.RenderedSerial));
        Assert.Equal([new RootGeneration(a, "aa", 0, 3)], over.Kept);
        Assert.Empty(over.Dropped);

        var back = (over with { RenderedSerial = 4 }).Start(a, "aa", b, 5, now);
        Assert.Equal((a, 0, 3L), (back.Image, back.ThinId, back.RenderedSerial));
        Assert.Equal([new RootGeneration(b, Digest, 1, 4)], back.Kept);

        // Two images further, the first one's root goes; its number is not given again before it is deleted.
        var third = over.Start(c, "cc", b, 6, now);
        Assert.Equal((c, 2), (third.Image, third.ThinId));
        Assert.Equal([0], third.Dropped);
        Assert.Equal([b], third.Kept.Select(k => k.Image));
        Assert.Equal([a, b, c], third.History.Select(h => h.Image));
        Assert.Contains("another origin", Assert.Throws<FailureException>(() => third with { RootDigest = Digest } is var running ? running.Start(c, new string('0', 64), null, 7, now) : null!).Message, StringComparison.Ordinal);
        // An image that was built again under its name begins with a root of its own.
        var rebuilt = third.Start(b, new string('0', 64), c, 7, now);
        Assert.Equal((b, 3), (rebuilt.Image, rebuilt.ThinId));
        Assert.Equal([0, 1], rebuilt.Dropped);
    }

    [Fact]
    public void A_power_cut_between_two_starts_loses_no_root_and_uses_no_number_twice() => Gen.Select(Gen.Int[0, 3], Gen.Int[-1, 3], Gen.Bool, Gen.Bool).List[1, 40].Sample(starts =>
    {
        var record = new RootRecord { Image = Image(0), RootDigest = "0", ThinId = 0 };
        var given = new HashSet<int> { 0 };
        foreach (var (image, former, isCut, isReset) in starts)
        {
            var before = record;
            record = record.Start(Image(image), $"{image}", former < 0 || former == image ? null : Image(former), 1, DateTimeOffset.UnixEpoch);
            var used = record.Kept.Select(k => k.ThinId).Append(record.ThinId).Concat(record.Dropped).ToList();
            Assert.Equal(used.Count, used.Distinct().Count());
            Assert.True(record.Kept.Count <= 1 && record.Kept.All(k => k.Image != record.Image));
            if (record.ThinId != before.ThinId && before.Kept.All(k => k.ThinId != record.ThinId)) Assert.True(given.Add(record.ThinId), $"{record.ThinId} was given twice");
            foreach (var root in before.Kept.Where(k => k.Image == record.Image)) Assert.Equal(root.ThinId, record.ThinId);
            if (!isCut) record = record with { RenderedSerial = 1, Dropped = [], DropsLocal = false };
            if (isReset) given.Add((record = record.Reset(withLocal: false)).ThinId);
        }
    });

    private static ImageVersion Image(int number) => new("debian-13", $"{number}");

    [Fact]
    public void A_record_of_an_older_release_is_still_read()
    {
        var record = JsonSerializer.Deserialize("""{ "image": "debian-13@1", "rootDigest": "aa", "thinId": 0, "renderedSerial": 2 }""", NodeJson.Default.RootRecord)!;
        Assert.Equal((0, 2L, 0, false), (record.ThinId, record.RenderedSerial, record.Dropped.Count, record.DropsLocal));
    }
}
