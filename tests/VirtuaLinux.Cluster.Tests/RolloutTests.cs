using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Cluster.Tests;

public sealed class RolloutTests
{
    private static readonly ImageVersion Old = ImageVersion.Parse("debian-13@1"), New = ImageVersion.Parse("debian-13@2");

    [Fact]
    public async Task Canary_batches_and_at_last_the_node_itself()
    {
        var site = new Nodes(7);
        Assert.Empty(await site.RollAsync(New, canary: 1, batch: 3));
        Assert.Equal(["node02", "node03 node04 node05", "node06 node07", "node01"], site.Restarted);
        Assert.Equal(New, site.Manifest.Image);
        Assert.All(site.Manifest.Nodes, n => Assert.Equal((null, Old), (n.Image, n.Former!.Value)));
        Assert.Contains("node01: this node restarts now", site.Said[^1], StringComparison.Ordinal);
        // Done is done: nothing is committed any more.
        var serial = site.Manifest.Serial;
        Assert.Empty(await site.RollAsync(New));
        Assert.Equal(serial, site.Manifest.Serial);
    }

    [Fact]
    public async Task It_stops_at_the_canary_that_fails_and_the_rollback_brings_that_one_back()
    {
        var site = new Nodes(4) { Broken = "node02" };
        Assert.Equal(["node02"], await site.RollAsync(New));
        Assert.Equal(["node02"], site.Restarted);
        Assert.Contains("node02: bad.service failed, and did not before", site.Said);
        Assert.Equal(Old, site.Manifest.Image);
        Assert.Equal([New], site.Manifest.Nodes.Select(n => n.Image).OfType<ImageVersion>());
        site.Restarted.Clear();
        Assert.Empty(await site.RollAsync(Old, only: ["node02"]));
        Assert.Equal(["node02"], site.Restarted);
        Assert.All(site.Manifest.Nodes, n => Assert.Null(n.Image));
    }

    [Fact]
    public async Task What_was_interrupted_goes_on_with_the_nodes_that_are_left()
    {
        var site = new Nodes(5) { Deaf = "node04" };
        Assert.Equal(["node04"], await site.RollAsync(New, batch: 1));
        Assert.Equal(["node02", "node03"], site.Restarted);
        Assert.Contains(site.Said, s => s.StartsWith("node04: it runs debian-13@1 after", StringComparison.Ordinal));
        (site.Deaf, site.Restarted) = (null, []);
        Assert.Empty(await site.RollAsync(New, batch: 1));
        Assert.Equal(["node04", "node05", "node01"], site.Restarted);
        Assert.Equal(New, site.Manifest.Image);
    }

    [Fact]
    public async Task A_node_that_is_off_is_not_waited_for_and_starts_the_image_later()
    {
        var site = new Nodes(3) { Off = "node03" };
        Assert.Empty(await site.RollAsync(New));
        Assert.Equal(["node02", "node01"], site.Restarted);
        Assert.Contains("node03 does not answer: it starts debian-13@2 when it is powered on", site.Said);
        Assert.Equal(New, site.Manifest.Image);
    }

    [Fact]
    public async Task A_canary_that_died_keeps_the_others_from_following_it_however_often_they_are_told_to()
    {
        var site = new Nodes(2) { Dying = "node02" };
        Assert.Equal(["node02"], await site.RollAsync(New));
        Assert.Equal(["node02"], await site.RollAsync(New));
        Assert.Equal(["node02"], site.Restarted);
        Assert.Equal(Old, site.Manifest.Image);
        // With nobody else up there is nobody to boot from, and nothing that shows that the image runs.
        var alone = new Nodes(2) { Off = "node02" };
        Assert.Contains("no other node is up with debian-13@2", (await Assert.ThrowsAsync<FailureException>(() => alone.RollAsync(New))).Message, StringComparison.Ordinal);
        Assert.Empty(alone.Restarted);
        Assert.Equal(1, alone.Manifest.Serial);
    }

    [Fact]
    public async Task What_somebody_else_decided_meanwhile_is_not_undone()
    {
        var site = new Nodes(4) { Meddling = m => m with { Nodes = [.. m.Nodes.Select(n => n.Name == "node02" ? n with { Image = null, Former = null } : n)] } };
        Assert.Contains("somebody else changed", (await Assert.ThrowsAsync<FailureException>(() => site.RollAsync(New, batch: 1))).Message, StringComparison.Ordinal);
        Assert.Equal(["node02"], site.Restarted);
        Assert.Null(site.Manifest.Nodes[1].Image);
    }

    [Theory]
    [InlineData("same", "2", OriginState.Verified, "", "")]
    [InlineData("other", "1", OriginState.Verified, "", "")]
    [InlineData("other", "2", OriginState.Verified, "old.service", null)]
    [InlineData("other", "2", OriginState.Verified, "new.service", "new.service failed, and did not before")]
    [InlineData("other", "2", OriginState.Corrupt, "", "its origin debian-13@2 is corrupt on the SAN")]
    public void A_node_is_well_when_it_restarted_with_the_image_and_nothing_fails_that_did_not_before(string boot, string image, OriginState origin, string failed, string? verdict)
    {
        var before = new NodeStatus { Name = "node02", State = "up", Role = "node", Firmware = "BIOS", BootedFrom = "network", BootId = "same", ImageVersion = "debian-13@1", FailedUnits = ["old.service"] };
        var now = before with { BootId = boot, ImageVersion = $"debian-13@{image}", Origin = origin, FailedUnits = failed.Length == 0 ? [] : [failed] };
        Assert.Equal(verdict, Rollout.Verdict(before, now, New));
        Assert.Equal("", Rollout.Verdict(before, null, New));
        Assert.Equal("", Rollout.Verdict(before, now with { FailedUnits = null }, New));
    }

    /// <summary>Nodes that restart as soon as the manifest says so.</summary>
    private sealed class Nodes
    {
        private readonly Dictionary<string, NodeStatus> _status;

        public Nodes(int count)
        {
            var names = Enumerable.Range(1, count).Select(i => $"node{i:00}").ToList();
            Manifest = new Manifest
            {
                SiteId = Guid.Empty,
                Serial = 1,
                Image = Old,
                RootDigest = "old",
                Name = "lab",
                Networks = new Dictionary<string, SiteNetwork>(),
                Volumes = new SiteVolumes(),
                Nodes = [.. names.Select(n => new ManifestNode { Name = n, Interfaces = new Dictionary<string, SiteInterface>() })],
            }.WithImage(New, "new");
            _status = names.ToDictionary(n => n, n => new NodeStatus { Name = n, State = "up", Role = "node", Firmware = "BIOS", BootedFrom = "network", BootId = "0", ImageVersion = Old.ToString(), FailedUnits = [] });
        }

        public Manifest Manifest { get; private set; }

        public List<string> Restarted { get; set; } = [];

        public List<string> Said { get; } = [];

        /// <summary>A unit fails here with the new image.</summary>
        public string? Broken { get; init; }

        /// <summary>It does not come up again.</summary>
        public string? Dying { get; init; }

        /// <summary>What somebody commits as soon as the first node is up.</summary>
        public Func<Manifest, Manifest>? Meddling { get; set; }

        /// <summary>It does not restart.</summary>
        public string? Deaf { get; set; }

        /// <summary>It does not answer.</summary>
        public string? Off { get; init; }

        public Task<IReadOnlyList<string>> RollAsync(ImageVersion image, int canary = 1, int batch = 4, IReadOnlyList<string>? only = null) =>
            new Rollout(CommitAsync, AskAsync, Said.Add) { Canary = canary, Batch = batch, Interval = TimeSpan.FromMilliseconds(1), Patience = TimeSpan.FromSeconds(1) }
                .RunAsync(Manifest, (only ?? [.. Manifest.Nodes.Select(n => n.Name)]).ToDictionary(n => n, _ => image), "node01", TestContext.Current.CancellationToken);

        private Task<Manifest> CommitAsync(Func<Manifest, Manifest> change, CancellationToken cancellationToken)
        {
            var next = change(Manifest);
            if (SignedManifest.SaySame(next, Manifest)) return Task.FromResult(Manifest);
            Manifest = next with { Serial = Manifest.Serial + 1 };
            Restart();
            return Task.FromResult(Manifest);
        }

        private Task<IReadOnlyDictionary<string, NodeStatus>> AskAsync(Manifest manifest, CancellationToken cancellationToken)
        {
            Restart();
            if (Meddling is { } meddle && Restarted.Count > 0) (Manifest, Meddling) = (meddle(Manifest) with { Serial = Manifest.Serial + 1 }, null);
            return Task.FromResult<IReadOnlyDictionary<string, NodeStatus>>(_status.Where(s => s.Key != Off).ToDictionary());
        }

        private void Restart()
        {
            var restarting = Manifest.Nodes.Where(n => n.Restarts && n.Name != Deaf && _status.ContainsKey(n.Name) && _status[n.Name].ImageVersion != Manifest.ImageOf(n).ToString()).ToList();
            if (restarting.Count > 0) Restarted.Add(string.Join(' ', restarting.Select(n => n.Name)));
            foreach (var node in restarting.Where(n => n.Name == Dying)) _status.Remove(node.Name);
            foreach (var node in restarting.Where(n => n.Name != Dying))
                _status[node.Name] = _status[node.Name] with { BootId = $"{Manifest.Serial}", ImageVersion = Manifest.ImageOf(node).ToString(), FailedUnits = node.Name == Broken && Manifest.ImageOf(node) == New ? ["bad.service"] : [] };
        }
    }
}
