using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install.Tests;

public sealed class JournalTests
{
    /// <summary>A yes holds for what was shown: the LUN is looked at again, and what did not change must not be taken for a change.</summary>
    [Fact]
    public void Two_looks_at_one_journal_see_the_same()
    {
        var file = Path.Combine(Path.GetTempPath(), $"vl-journal-{Environment.ProcessId}");
        using (var stream = File.Create(file)) stream.SetLength(SanLayout.JournalSize.Bytes);
        try
        {
            using var partition = BlockDevice.Open(file, writable: true);
            var journal = new Journal { Site = "blade16", SiteId = Guid.NewGuid(), Image = ImageVersion.Parse("debian-13@1"), RootDigest = "d1", Step = InstallStep.Done, Holder = "node01", Times = [new StepTime(InstallStep.Partition, 1.5)] };
            journal.Write(partition);
            var (first, second) = (Journal.Read(partition)!, Journal.Read(partition)!);
            Assert.Equal(new SanContent.Ours(first, false), new SanContent.Ours(second, false));
            Assert.Equal(first.GetHashCode(), second.GetHashCode());
            Assert.NotEqual(first, second with { Times = [] });
            Assert.NotEqual(first, second with { Step = InstallStep.HandOver });
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void What_an_older_journal_leaves_out_has_its_default()
    {
        var journal = JsonSerializer.Deserialize("""{"site":"blade16","siteId":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","image":"debian-13@1","rootDigest":"00","step":"Partition","holder":"node01"}""", InstallJson.Default.Journal)!;
        Assert.Equal(1, journal.Format);
        Assert.Empty(journal.Times);
    }
}
