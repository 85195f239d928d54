using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

public sealed class LedgerTests
{
    [Fact]
    public void The_ledger_says_whose_each_volume_is_how_full_and_what_could_be_deleted()
    {
        var site = SiteFile.Load("site.yaml", """
            version: 1
            name: lab
            networks: { cluster: { subnet: 192.168.77.0/24 } }
            volumes: { root: 4GiB, local: 512MiB, shared: 1GiB, reserve: 10% }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11 }
              - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12 }
            """, SiteParts.None).Site!;
        var (current, older) = (Image("debian-13@2"), Image("debian-13@1"));
        var manifest = Manifest.Compile(site, Guid.Empty, 1, current.Image, current.RootDigest);
        var group = new VolumeGroup { Name = "virtualinux", Id = "", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "", 2048, 8192)], Volumes = [] };
        foreach (var image in (ImageInfo[])[older, current]) group = NodeVolumes.MarkVerified(NodeVolumes.AddImage(group, image), image.Image);
        group = NodeVolumes.AddNodes(group, ["node01", "node02", "node09"], site.Volumes);
        var usage = new Dictionary<string, StoreUsage> { ["node01"] = new() { DataUsed = 100 << 20, DataSize = 512 << 20, MetadataUsed = 1 << 20, MetadataSize = 12 << 20, LocalUsed = 5 << 20, LocalSize = 500 << 20, FillPerDay = 103 << 20, Level = "enough" } };

        var ledger = Ledger.Of(group, manifest, usage);

        Assert.Equal(group.Volumes.Count, ledger.Volumes.Count);
        var store = ledger.Volumes.Single(v => v.Name == "node01_data");
        Assert.Equal(("store", "node01", 512L << 20, 100L << 20, 4.0, null), (store.Kind, store.Owner, store.Size, store.Used!.Value, store.DaysUntilFull!.Value, store.Reclaim));
        Assert.Equal(["debian-13_1", "debian-13_1_boot", "node09_data", "node09_local", "node09_meta"], ledger.Volumes.Where(v => v.Reclaim is not null).Select(v => v.Name).Order(StringComparer.Ordinal));
        var shared = ledger.Volumes.Single(v => v.Name == "shared");
        Assert.Equal(("shared", "all nodes", 1L << 30, null), (shared.Kind, shared.Owner, shared.Size, shared.Reclaim));
        Assert.Equal("node02", Assert.Single(ledger.Silent));
        Assert.Equal((512L << 20, 100L << 20, 1L << 30), (ledger.Image, ledger.Changed, ledger.Copies));
        Assert.Equal(ledger.Size, ledger.Free + ledger.Volumes.Sum(v => v.Size));
        Assert.Equal(ledger.Size / 100 * 10, ledger.Reserve);

        Assert.Equal(["debian-13_1", "debian-13_1_boot"], ledger.Deletable("debian-13_1_boot").Select(v => v.Name));
        Assert.Equal(["node09_data", "node09_local", "node09_meta"], ledger.Deletable("node09_data").Select(v => v.Name).Order(StringComparer.Ordinal));
        foreach (var used in (string[])["debian-13_2", "node01_data", "node02_local"]) Assert.Contains("is in use", Assert.Throws<FailureException>(() => ledger.Deletable(used)).Message, StringComparison.Ordinal);
        Assert.Contains("there is no volume 'nothing'", Assert.Throws<FailureException>(() => ledger.Deletable("nothing")).Message, StringComparison.Ordinal);
        var smaller = group.Remove("debian-13_1", "debian-13_1_boot");
        Assert.Equal((153L, group.Volumes.Count - 2), (smaller.FreeExtents - group.FreeExtents, smaller.Volumes.Count));
    }

    private static ImageInfo Image(string name) => new()
    {
        Image = ImageVersion.Parse(name),
        Distribution = "debian-13",
        KernelRelease = "6.12",
        RootSize = 512 << 20,
        ChunkSize = 4 << 20,
        Chunks = [],
        RootDigest = new string('a', 64),
        BootSize = 100 << 20,
        BootDigest = new string('b', 64),
        SourceDateEpoch = 0,
    };
}
