using System.Text.Json;
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
    public void A_record_of_an_older_release_is_still_read()
    {
        var record = JsonSerializer.Deserialize("""{ "image": "debian-13@1", "rootDigest": "aa", "thinId": 0, "renderedSerial": 2 }""", NodeJson.Default.RootRecord)!;
        Assert.Equal((0, 2L, 0, false), (record.ThinId, record.RenderedSerial, record.Dropped.Count, record.DropsLocal));
    }
}
