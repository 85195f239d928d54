using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

public sealed class LedgerTests
{
    [Fact]
    public void The_ledger_says_whose_each_volume_is_how_full_and_what_could_be_deleted()
    {
        var site = Site("""
            version: 1
            name: lab
            networks: { cluster: { subnet: 192.168.77.0/24 } }
            volumes: { root: 4GiB, local: 512MiB, shared: 1GiB, reserve: 10% }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11 }
              - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12 }
            """);
        var (current, older) = (Image("debian-13@2"), Image("debian-13@1"));
        var manifest = Manifest.Compile(site, Guid.Empty, 1, current.Image, current.RootDigest);
        var group = new VolumeGroup { Name = "virtualinux", Id = "", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "", 2048, 8192)], Volumes = [] };
        foreach (var image in (ImageInfo[])[older, current]) group = NodeVolumes.MarkVerified(NodeVolumes.AddImage(group, image), image.Image);
        group = NodeVolumes.AddNodes(group, ["node01", "node02", "node09"], site.Volumes);
        group = group.Add("theirs", ByteSize.FromMiB(8), readOnly: false);
        var status = new Dictionary<string, NodeStatus>
        {
            ["node01"] = Status("node01", new() { DataUsed = 100 << 20, DataSize = 512 << 20, MetadataUsed = 1 << 20, MetadataSize = 12 << 20, LocalUsed = 12 << 20, LocalSize = 500 << 20, FillPerDay = 103 << 20, LocalFillPerDay = 50 << 20, Level = "enough" }, current.Image),
        };

        var ledger = Ledger.Of(group, manifest, status);

        Assert.Equal(group.Volumes.Count, ledger.Volumes.Count);
        var store = ledger.Volumes.Single(v => v.Name == "node01_data");
        Assert.Equal(("store", "node01", 512L << 20, 100L << 20, null), (store.Kind, store.Owner, store.Size, store.Used!.Value, store.Reclaim));
        // Twice the root is what it gets at most, and not the size that it has.
        Assert.Equal(((8L << 30) - (100L << 20)) / (double)(103 << 20), store.DaysUntilFull!.Value, 6);
        Assert.Equal(1 - 100.0 / 4096, store.Unchanged!.Value, 6);
        Assert.Equal(10.0, ledger.Volumes.Single(v => v.Name == "node01_local").DaysUntilFull!.Value);
        Assert.Equal(["debian-13_1", "debian-13_1_boot", "node09_data", "node09_local", "node09_meta"], ledger.Volumes.Where(v => v.Reclaim is not null).Select(v => v.Name).Order(StringComparer.Ordinal));
        var shared = ledger.Volumes.Single(v => v.Name == "shared");
        Assert.Equal(("shared", "all nodes", 1L << 30, null), (shared.Kind, shared.Owner, shared.Size, shared.Reclaim));
        Assert.Equal("node02", Assert.Single(ledger.Silent));
        // An eighth of the root and 12 MiB of metadata for each of the two nodes that the site has.
        Assert.Equal((512L << 20, 100L << 20, (512L << 20) + 2 * (524L << 20), 1L << 30), (ledger.Images, ledger.Changed, ledger.Allocated, ledger.Copies));
        Assert.Empty(ledger.Kept);
        Assert.Equal(ledger.Size, ledger.Free + ledger.Volumes.Sum(v => v.Size));
        Assert.Equal(ledger.Size / 100 * 10, ledger.Reserve);

        Assert.Equal(["debian-13_1", "debian-13_1_boot"], ledger.Deletable("debian-13_1_boot").Select(v => v.Name));
        Assert.Equal(["node09_data", "node09_local", "node09_meta"], ledger.Deletable("node09_data").Select(v => v.Name).Order(StringComparer.Ordinal));
        foreach (var used in (string[])["debian-13_2", "node01_data", "node02_local"]) Assert.Contains("is in use", Assert.Throws<FailureException>(() => ledger.Deletable(used)).Message, StringComparison.Ordinal);
        Assert.StartsWith("'theirs' is not a volume of this product", Assert.Throws<FailureException>(() => ledger.Deletable("theirs")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no volume 'nothing'", Assert.Throws<FailureException>(() => ledger.Deletable("nothing")).Message, StringComparison.Ordinal);
        var smaller = group.Remove("debian-13_1", "debian-13_1_boot");
        Assert.Equal((153L, group.Volumes.Count - 2), (smaller.FreeExtents - group.FreeExtents, smaller.Volumes.Count));
    }

    [Fact]
    public void In_a_rollout_all_images_count_that_roots_stand_on_and_the_kept_roots_are_named()
    {
        var (old, next, pinned) = (Image("debian-13@1"), Image("debian-13@2"), Image("debian-13@0"));
        var manifest = Manifest.Compile(Site("""
            version: 1
            name: lab
            networks: { cluster: { subnet: 192.168.77.0/24 } }
            volumes: { root: 1GiB, local: 64MiB, shared: 128MiB, reserve: 10% }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11 }
              - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12 }
              - { name: node03, mac: "52:54:00:77:00:03", ip: 192.168.77.13 }
            """), Guid.Empty, 1, old.Image, old.RootDigest).WithImage(pinned.Image, pinned.RootDigest).WithPin(pinned.Image, true).WithImage(next.Image, next.RootDigest);
        var group = new VolumeGroup { Name = "virtualinux", Id = "", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "", 2048, 1000)], Volumes = [] };
        foreach (var image in (ImageInfo[])[old, next, pinned]) group = NodeVolumes.MarkVerified(NodeVolumes.AddImage(group, image), image.Image);
        group = NodeVolumes.AddNodes(group, ["node01", "node02", "node03"], manifest.Volumes);
        var usage = new StoreUsage { DataUsed = 100 << 20, DataSize = 256 << 20, MetadataUsed = 1 << 20, MetadataSize = 8 << 20, LocalUsed = 1, LocalSize = 60 << 20, Level = "enough" };
        var status = new Dictionary<string, NodeStatus>
        {
            ["node01"] = Status("node01", usage with { RootChanged = 30 << 20, FillPerDay = 100 << 20, SharedUsed = 28 << 20, SharedFillPerDay = 10 << 20 }, next.Image, old.Image),
            // Of an older release, with two roots: how much of the one that runs was changed is not known.
            ["node02"] = Status("node02", usage with { FillPerDay = -500 << 20 }, next.Image, old.Image),
            ["node03"] = Status("node03", usage with { FillPerDay = 40 << 20 }, old.Image),
        };
        var targets = new Dictionary<string, ImageVersion> { ["node01"] = next.Image, ["node02"] = next.Image };
        var canary = manifest.WithAssigned(targets, new HashSet<string>(), manifest.Nodes.Select(n => n.Name).ToHashSet());

        var ledger = Ledger.Of(group, canary, status);

        Assert.Equal((1L << 30, 5 * (512L << 20), (1L << 30) + 3 * (264L << 20)), (ledger.Images, ledger.Copies, ledger.Allocated));
        Assert.Equal(1 - 30.0 / 1024, ledger.Volumes.Single(v => v.Name == "node01_data").Unchanged!.Value, 6);
        Assert.Null(ledger.Volumes.Single(v => v.Name == "node02_data").Unchanged);
        Assert.Equal(1 - 100.0 / 1024, ledger.Volumes.Single(v => v.Name == "node03_data").Unchanged!.Value, 6);
        Assert.Equal(10.0, ledger.Volumes.Single(v => v.Name == "shared").DaysUntilFull!.Value);
        // A store never shrinks: what one gains the other does not give back.
        Assert.Equal(140 << 20, ledger.FillPerDay!.Value);
        Assert.Equal((ledger.Free - ledger.Reserve) / (double)(140 << 20), ledger.DaysUntilFull!.Value, 6);
        // The group ends before the limit of the store does.
        Assert.Equal(((256L << 20) + ledger.Free - ledger.Reserve - (100 << 20)) / (double)(40 << 20), ledger.Volumes.Single(v => v.Name == "node03_data").DaysUntilFull!.Value, 6);
        var kept = Assert.Single(ledger.Kept);
        Assert.Equal((old.Image, "node01 node02", 70L << 20, 0L), (kept.Image, string.Join(' ', kept.Nodes), kept.Bytes!.Value, kept.ImageBytes));
        // As soon as nobody starts the image any more, it goes with its roots.
        var all = canary.WithAssigned(new Dictionary<string, ImageVersion> { ["node03"] = next.Image }, new HashSet<string>(), new HashSet<string> { "node03" }).Settled();
        Assert.Equal(612L << 20, Assert.Single(Ledger.Of(group, all, status).Kept).ImageBytes);
    }

    private static Site Site(string yaml) => SiteFile.Load("site.yaml", yaml, SiteParts.None).Site!;

    private static NodeStatus Status(string name, StoreUsage usage, params IReadOnlyList<ImageVersion> roots) => new() { Name = name, State = "up", Role = "node", Store = usage, Generations = roots };

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
