using System.Text.Json;

namespace VirtuaLinux.Install.Tests;

public sealed class JournalTests
{
    [Fact]
    public void What_an_older_journal_leaves_out_has_its_default()
    {
        var journal = JsonSerializer.Deserialize("""{"site":"blade16","siteId":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","image":"debian-13@1","rootDigest":"00","step":"Partition","holder":"node01"}""", InstallJson.Default.Journal)!;
        Assert.Equal(1, journal.Format);
        Assert.Empty(journal.Times);
    }
}
