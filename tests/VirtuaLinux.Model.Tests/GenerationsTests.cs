namespace VirtuaLinux.Model.Tests;

public sealed class GenerationsTests
{
    private static readonly ImageVersion Old = ImageVersion.Parse("debian-13@1"), New = ImageVersion.Parse("debian-13@2");

    private static readonly Manifest Site = new()
    {
        SiteId = Guid.Empty,
        Serial = 7,
        Image = Old,
        RootDigest = "old",
        Name = "lab",
        Networks = new Dictionary<string, SiteNetwork>(),
        Volumes = new SiteVolumes(),
        Nodes = [.. ((string[])["node01", "node02", "node03"]).Select(n => new ManifestNode { Name = n, Interfaces = new Dictionary<string, SiteInterface>() })],
    };

    [Fact]
    public void When_all_are_up_with_the_sites_image_those_before_it_go_that_nobody_needs()
    {
        ImageVersion[] images = [.. Enumerable.Range(1, 6).Select(i => ImageVersion.Parse($"debian-13@{i}"))];
        // 1 was installed, 2 run, 3 never run, 4 is run before 5, 6 was added since.
        var site = Roll(Roll(Roll(Site, images[1]).WithImage(images[2], "3"), images[3]), images[4]).WithImage(images[5], "6");
        NodeStatus[] up = [.. site.Nodes.Select(n => new NodeStatus { Name = n.Name, State = "up", Role = "node", ImageVersion = images[4].ToString(), FailedUnits = [], Mapped = [images[4]], Generations = [images[4], images[3]] })];
        up[2] = up[2] with { FailedUnits = ["some.service"], History = [.. images.Where(i => i != images[2]).Select(i => new ImageStart(i, 1, default))] };

        Assert.Equal([images[0], images[1]], Outlived(site, up));
        Assert.Equal([images[1]], Outlived(site.WithPin(images[0], pinned: true), up));
        Assert.Equal([images[0], images[1], images[3]], Outlived(site.WithoutFormer(images[3]), up));
        // Who came back from the dead is new, and stays.
        Assert.Equal([images[1]], Outlived(site.WithoutImage(images[0]).WithImage(images[0], "again"), up));

        // As long as anything is under way, nothing goes.
        Assert.Empty(Outlived(site, up[1..]));
        Assert.Empty(Outlived(site, [up[0] with { FailedUnits = null }, .. up[1..]]));
        Assert.Empty(Outlived(site, [up[0] with { ImageVersion = images[3].ToString() }, .. up[1..]]));
        Assert.Empty(Outlived(Assign(site, images[5], "node01"), up));
        Assert.Empty(Outlived(Site.WithImage(New, "new"), [.. up.Select(s => s with { ImageVersion = Old.ToString() })]));

        Assert.Null(Generations.UseOf(images[1], Named(up), withRoots: true));
        Assert.Null(Generations.UseOf(images[3], Named(up), withRoots: false));
        Assert.Equal("node01 keeps a root of debian-13@4 until its next start", Generations.UseOf(images[3], Named(up), withRoots: true));
        Assert.Equal("node01 has debian-13@5 mapped still: it runs, serves or writes it", Generations.UseOf(images[4], Named(up), withRoots: false));
    }

    private static Manifest Roll(Manifest site, ImageVersion image) => Assign(site.WithImage(image, image.ToString()), image, "node01", "node02", "node03").Settled();

    private static IReadOnlyList<ImageVersion> Outlived(Manifest site, NodeStatus[] status) => site.Outlived(Named(status));

    private static Dictionary<string, NodeStatus> Named(NodeStatus[] status) => status.ToDictionary(s => s.Name);

    [Fact]
    public void A_rollout_leaves_each_node_the_image_before_and_the_last_one_makes_it_the_sites()
    {
        var added = Site.WithImage(New, "new");
        Assert.Equal(("new", "old"), (added.DigestOf(New), added.DigestOf(Old)));
        Assert.Null(added.NeedOf(New));

        var canary = Assign(added, New, "node02");
        Assert.Equal((New, Old, true), (canary.ImageOf(canary.Nodes[1]), canary.Nodes[1].Former!.Value, canary.Nodes[1].Restarts));
        Assert.Equal((Old, false), (canary.ImageOf(canary.Nodes[0]), canary.Nodes[0].Restarts));
        Assert.Same(canary, canary.Settled());
        Assert.Equal("node02 starts it", canary.NeedOf(New));

        var all = Assign(Assign(canary, New, "node01"), New, "node03").Settled();
        Assert.Equal((New, "new", "old"), (all.Image, all.RootDigest, all.DigestOf(Old)));
        Assert.All(all.Nodes, n => Assert.Null(n.Image));
        Assert.Equal("node01, node02, node03 can be rolled back to it", all.NeedOf(Old));
        Assert.Null(all.WithoutFormer(Old).NeedOf(Old));
        Assert.Equal("it is pinned", all.WithoutFormer(Old).WithPin(Old, pinned: true).NeedOf(Old));
        Assert.Null(all.WithoutFormer(Old).WithoutImage(Old).DigestOf(Old));

        var back = Assign(all, Old, "node01", "node02", "node03").Settled();
        Assert.Equal((Old, "old"), (back.Image, back.RootDigest));
        Assert.All(back.Nodes, n => Assert.Equal(New, n.Former));
    }

    [Fact]
    public void A_pin_of_the_sites_image_outlives_the_next_one()
    {
        var all = Assign(Site.WithPin(Old, pinned: true).WithImage(New, "new"), New, "node01", "node02", "node03").Settled();
        Assert.Equal("it is pinned", all.NeedOf(Old));
        Assert.Equal("old", all.DigestOf(Old));
    }

    [Fact]
    public void A_node_that_never_ran_an_image_keeps_the_way_back_to_the_one_before_it()
    {
        var newer = ImageVersion.Parse("debian-13@3");
        var broken = Assign(Site.WithImage(New, "new").WithImage(newer, "newer"), New, "node02");
        var mended = broken.WithAssigned(new Dictionary<string, ImageVersion> { ["node02"] = newer }, new HashSet<string>(), new HashSet<string>());
        Assert.Equal((newer, Old), (mended.Nodes[1].Image!.Value, mended.Nodes[1].Former!.Value));
        var back = broken.WithAssigned(new Dictionary<string, ImageVersion> { ["node02"] = Old }, new HashSet<string>(), new HashSet<string>());
        Assert.Equal((null, null), (back.Nodes[1].Image, back.Nodes[1].Former));
    }

    private static Manifest Assign(Manifest manifest, ImageVersion image, params string[] nodes) => manifest.WithAssigned(nodes.ToDictionary(n => n, _ => image), nodes.ToHashSet(), manifest.Nodes.Select(n => n.Name).ToHashSet());
}
