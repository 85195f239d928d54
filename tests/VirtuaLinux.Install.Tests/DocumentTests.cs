using System.Text;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install.Tests;

/// <summary>What releases leave to each other. The files under <c>Documents</c> are as a release wrote them and are never changed: a new format gets a file beside them.</summary>
public sealed class DocumentTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-documents-{Guid.NewGuid():N}");

    public DocumentTests()
    {
        using var stream = File.Create(_file);
        stream.SetLength(SanLayout.JournalSize.Bytes);
    }

    public void Dispose() => File.Delete(_file);

    private static Journal Full => new()
    {
        Site = "blade16",
        SiteId = Guid.Parse("0b0c5a6e-9d0e-4d63-8f6e-0c5f3f4f0001"),
        Image = ImageVersion.Parse("debian-13@2026.11.23-1"),
        RootDigest = new string('a', 64),
        Step = InstallStep.Move,
        Holder = "node01",
        Times = [.. Enum.GetValues<InstallStep>().Select((s, i) => new StepTime(s, i + 0.5))],
        Move = new MoveRecord { Copy = Guid.Parse("11111111-2222-3333-4444-555555555555"), From = "naa.6001405aaaaaaaa", Volumes = ["origin", "local"], Copied = [new CopiedVolume("origin", new string('b', 64))], IsStaged = true },
    };

    private static BackupInfo Head => new(1, "blade16", Full.SiteId, 7, DateTimeOffset.UnixEpoch, ["node01", "node02"], ["node02"]);

    [Fact]
    public void The_journal_of_format_1_is_read_for_ever()
    {
        Put(File.ReadAllBytes(Document("journal-1.json")));
        using var partition = BlockDevice.Open(_file, writable: false);
        Assert.Equal(Full, Journal.Read(partition));
    }

    [Fact]
    public void The_journal_and_the_head_of_a_backup_are_written_as_their_formats_say()
    {
        Assert.Equal((1, 1), (Journal.KnownFormat, BackupInfo.KnownFormat));
        Assert.Equal(File.ReadAllText(Document("journal-1.json")), JsonSerializer.Serialize(Full, InstallJson.Default.Journal) + "\n");
        Assert.Equal(File.ReadAllText(Document("backup-1.json")), JsonSerializer.Serialize(Head, InstallJson.Default.BackupInfo) + "\n");
    }

    [Fact]
    public void The_head_of_a_backup_of_format_1_is_read_for_ever()
    {
        var head = JsonSerializer.Deserialize(File.ReadAllText(Document("backup-1.json")), InstallJson.Default.BackupInfo)!;
        Assert.Equal((1, "blade16", 7L, "node01 node02", "node02"), (head.Format, head.Site, head.Serial, string.Join(' ', head.Nodes), string.Join(' ', head.Off)));
    }

    [Fact]
    public void A_journal_of_a_newer_release_is_refused_and_stays_as_it_is()
    {
        Put(Encoding.UTF8.GetBytes(File.ReadAllText(Document("journal-1.json")).Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal)));
        var before = File.ReadAllBytes(_file);
        using (var partition = BlockDevice.Open(_file, writable: true))
        {
            foreach (var work in (Action[])[() => Journal.Read(partition), () => Full.Write(partition)])
                Assert.Contains("a newer release wrote the journal: it has format 2", Assert.Throws<FailureException>(work).Message, StringComparison.Ordinal);
        }
        Assert.Equal(before, File.ReadAllBytes(_file));
    }

    private void Put(byte[] document)
    {
        using var device = BlockDevice.Open(_file, writable: true);
        new SlotStore(device, SanLayout.JournalOffset, SanLayout.JournalSlotSize).Write(document);
    }

    private static string Document(string name) => Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "tests", "VirtuaLinux.Install.Tests", "Documents", name);
}
