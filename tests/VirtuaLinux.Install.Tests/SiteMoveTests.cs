using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install.Tests;

/// <summary>What the two arrays carry in the course of a move, and what a technician reads.</summary>
public sealed class SiteMoveTests
{
    private const string OldSan = "portals: [ 192.168.77.1:3260 ], target: \"iqn.2026-11.org.virtualinux:old\", lun: 1, chap: { user: lab, secretFile: chap.secret }";
    private const string NewSan = "portals: [ 192.168.77.2:3260, 192.168.77.3:3260 ], target: \"iqn.2026-11.org.virtualinux:new\", lun: 7, chap: { user: lab2, secretFile: new.secret }";

    private static readonly ImageVersion Image = ImageVersion.Parse("debian-13@2026.11.23-1");
    private static readonly Guid SiteId = Guid.Parse("11111111-2222-3333-4444-555555555555");
    private static readonly MoveLun From = new("/dev/sda", "naa.old", ByteSize.FromGiB(32), 512), To = new("/dev/sdb", "naa.new", ByteSize.FromGiB(64), 512);

    private readonly Site _before = Load(OldSan, null), _site = Load(NewSan, OldSan);

    private Manifest Manifest => Model.Manifest.Compile(_before, SiteId, 7, Image, "0123");

    [Fact]
    public void The_old_array_says_where_the_site_is_and_the_new_one_that_it_is_not_there_yet_and_both_refuse_every_machine()
    {
        using var identity = SiteIdentity.Create("blade16", SiteId);
        var state = new SanState { SignedManifest = SignedManifest.Sign(Manifest, identity.Key), CaCertificate = identity.Certificate.ToPem(), CaKey = identity.KeyToPem(), ChapSecret = "old-secret-12", Images = [], Luns = ["naa.second"] };
        var at = new DateTimeOffset(2026, 11, 26, 5, 40, 0, TimeSpan.Zero);

        var staged = SiteMove.Moved(state, Manifest, _site.San!, "new-secret-12", new ManifestMove { HasLeft = false, Wwid = "naa.old", San = _site.FormerSan!, At = at });
        Assert.Equal("site 'blade16' is being moved here and is still on the LUN with WWID naa.old of target iqn.2026-11.org.virtualinux:old at 192.168.77.1:3260; start the medium that moves it again, it goes on", Refused(staged, identity));
        var left = SiteMove.Left(state, Manifest, _site.San!, new ManifestMove { HasLeft = true, Wwid = "naa.new", San = _site.San!, At = at });
        Assert.Equal("site 'blade16' was moved to the LUN with WWID naa.new of target iqn.2026-11.org.virtualinux:new at 192.168.77.2:3260, 192.168.77.3:3260 on 2026-11-26 05:40 UTC, and this LUN is what it left behind; use that array", Refused(left, identity));

        Assert.True(SignedManifest.TryReadAny(staged.SignedManifest, identity.Certificate.PublicKey, out var marked, out _));
        // A release that does not know the mark goes by the format.
        Assert.Equal((SignedManifest.KnownFormat + 1, null), (marked.Format, marked.ReadableFrom));
        var arrived = SiteMove.Arrived(staged, marked);
        Assert.True(SignedManifest.TryRead(arrived.SignedManifest, identity.Certificate.PublicKey, out var ruling, out var reason), reason);
        Assert.True(SignedManifest.SaySame(Model.Manifest.Compile(_site, SiteId, 8, Image, "0123"), ruling));
        Assert.Equal(("new-secret-12", state.CaKey), (arrived.ChapSecret, arrived.CaKey));
        Assert.Empty(arrived.Luns);
    }

    [Fact]
    public void Volumes_come_one_behind_the_other_with_their_sizes_tags_and_rights()
    {
        var source = Group(20_000).Add("a", ByteSize.FromMiB(12), readOnly: true, "virtualinux.origin", "digest.1").Add("gap", ByteSize.FromMiB(8), false).Add("b", ByteSize.FromMiB(8), false, "virtualinux.local").Remove("gap").Extend("a", ByteSize.FromMiB(24));
        Assert.Equal(2, source.Find("a")!.Segments.Count);
        var target = SiteMove.Layout(Group(20_000).Add("old", ByteSize.FromGiB(1), false), source);
        Assert.Equal(["a", "b"], target.Volumes.Select(v => v.Name));
        Assert.All(target.Volumes, v => Assert.Equal((source.SizeOf(source.Find(v.Name)!), source.Find(v.Name)!.ReadOnly, string.Join(' ', source.Find(v.Name)!.Tags)), (target.SizeOf(v), v.ReadOnly, string.Join(' ', v.Tags))));
        Assert.Equal([0, 6], target.Volumes.Select(v => Assert.Single(v.Segments).First));
        Assert.Throws<InvalidOperationException>(() => SiteMove.Layout(Group(7), source));
    }

    [Theory]
    [InlineData("blank", null)]
    [InlineData("foreign", "ext4 'payroll'")]
    public void The_plan_names_both_LUNs_and_what_is_destroyed(string name, string? foreign)
    {
        var text = string.Concat(Plan(canFence: foreign is null, foreign: foreign).Lines().Select(l => l + "\n"));
        var expectation = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, $"tests/VirtuaLinux.Install.Tests/Expectations/move-{name}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(expectation, text);
        Assert.Equal(File.ReadAllText(expectation), text);
    }

    [Fact]
    public void A_move_that_cannot_be_made_is_refused_with_what_to_do()
    {
        Assert.Null(Plan().Obstacle());
        Assert.Null(Plan(to: To with { Size = Plan().Required }).Obstacle());
        Assert.StartsWith("the new LUN /dev/sdb has ", Plan(to: To with { Size = new ByteSize(Plan().Required.Bytes - 1) }).Obstacle(), StringComparison.Ordinal);
        Assert.StartsWith("formerSan: it leads to the LUN that san: names", Plan(to: To with { Wwid = From.Wwid }).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("has blocks of 4096 bytes, and the site's has 512", Plan(to: To with { BlockSize = 4096 }).Obstacle(), StringComparison.Ordinal);
        Assert.StartsWith("the site file describes site 'blade17', and the old array carries 'blade16'", Plan(site: _site with { Name = "blade17" }).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("not only of its SAN: kernel arguments: quiet", Plan(site: _site with { KernelArguments = "quiet" }).Obstacle(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_running_node_tells_what_the_site_file_lacks_for_a_move()
    {
        Assert.Null(MovePreparation.Problem(Manifest, _site));
        Assert.Contains("let 'formerSan:' say what 'san:' says now", MovePreparation.Problem(Manifest, _before), StringComparison.Ordinal);
        Assert.Contains("it is not the array that the site is on (iqn.2026-11.org.virtualinux:old", MovePreparation.Problem(Manifest, _site with { FormerSan = _site.San }), StringComparison.Ordinal);
        Assert.Contains("it names the LUN that the site is on", MovePreparation.Problem(Manifest, _site with { San = _site.FormerSan }), StringComparison.Ordinal);
        Assert.Contains("  2  switch all nodes off: 'poweroff' on each, this one last", MovePreparation.Lines(Manifest, _site, 12, ByteSize.FromGiB(5)));
    }

    [Fact]
    public void A_site_file_cannot_name_one_target_at_two_places()
    {
        var (site, errors) = SiteFile.Load("site.yaml", Text(NewSan.Replace(":new", ":old", StringComparison.Ordinal), OldSan));
        Assert.Null(site);
        Assert.Contains("a machine could not tell the two arrays apart", Assert.Single(errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_metamaster_that_is_not_told_of_the_old_array_leaves_a_half_moved_site_alone()
    {
        var journal = new Journal { Site = "blade16", SiteId = SiteId, Image = Image, RootDigest = "0123", Step = InstallStep.Move, Holder = "node01", Move = new MoveRecord { Copy = SiteId, From = "naa.old" } };
        var (state, actions) = InstallMachine.Next(new InstallState { Site = "blade16", Node = "node01", Image = Image, RootDigest = "0123" }, new InstallEvent.SanInspected(new SanContent.Ours(journal, false)));
        Assert.Equal(InstallPhase.End, state.Phase);
        Assert.Contains("under formerSan:", Assert.IsType<InstallAction.Stop>(Assert.Single(actions)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_journal_keeps_how_far_a_move_is()
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var sized = File.OpenWrite(file)) sized.SetLength(SanLayout.JournalSize.Bytes);
            using var device = BlockDevice.Open(file, writable: true);
            var journal = new Journal { Site = "blade16", SiteId = SiteId, Image = Image, RootDigest = "0123", Step = InstallStep.Move, Holder = "node01", Move = new MoveRecord { Copy = SiteId, From = "naa.old", Volumes = ["a", "b"], Copied = [new CopiedVolume("a", "d")] } };
            journal.Write(device);
            Assert.Equal(journal, Journal.Read(device));
            Assert.NotEqual(journal, journal with { Move = journal.Move with { IsStaged = true } });
            Assert.NotEqual(journal.Move, journal.Move.Renew(SiteId));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private MovePlan Plan(MoveLun? to = null, Site? site = null, bool canFence = true, string? foreign = null) =>
        new(Manifest, NodeVolumes.AddNodes(Group(20_000), ["node01", "node02"], _before.Volumes), site ?? _site, From, to ?? To, canFence, foreign);

    private static VolumeGroup Group(long extents) => new() { Name = LvmTools.GroupName, Id = "VGID", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "PVID", 2048, extents)], Volumes = [] };

    private static string Refused(SanState state, SiteIdentity identity) =>
        SignedManifest.TryRead(state.SignedManifest, identity.Certificate.PublicKey, out _, out var reason) ? throw new InvalidOperationException("a machine would start from it") : reason;

    private static Site Load(string san, string? former)
    {
        var (site, errors) = SiteFile.Load("site.yaml", Text(san, former), SiteParts.San);
        return site ?? throw new InvalidOperationException(string.Join('\n', errors));
    }

    private static string Text(string san, string? former) => $$"""
        version: 1
        name: blade16
        networks: { cluster: { subnet: 192.168.77.0/24 } }
        san: { {{san}} }
        {{(former is null ? "" : $"formerSan: {{ {former} }}")}}
        volumes: { root: 4GiB, local: 512MiB }
        nodes:
          - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11 }
          - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12 }
        """;
}
