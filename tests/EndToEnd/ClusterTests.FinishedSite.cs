using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>What a technician does with the medium on a site that is finished.</summary>
public sealed partial class ClusterTests
{
    private static readonly MacAddress NewCard = MacAddress.Parse("52:54:00:77:00:99");

    private static readonly BladeOptions Ordered = new() { Name = "node04", Mac = MacAddress.Parse("52:54:00:77:00:04"), Ip = Ipv4Address.Parse("192.168.77.14") };

    [Fact]
    [Trait("Category", "Soak")]
    public async Task H_a_new_machine_takes_the_place_of_a_broken_one_and_the_running_nodes_boot_it()
    {
        var original = cluster.Lab.Lab;
        var blades = original.Blades.Select(b => b.Name == "node03" ? b.Options with { Mac = NewCard } : b.Options).ToList();
        await using var lab = await cluster.ForkAsync("replaced", blades);
        await lab.StartFromStickAsync("node01", "node02");

        // The stick's site file still names the old machine, and one that is on its way.
        var fresh = lab.Lab["node03"];
        await fresh.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await fresh.InsertAsync(await original.SiteVolumeAsync(new LabSiteOptions { Install = false, Planned = [Ordered] }));
        await fresh.PowerOnAsync();
        await AnswerAsync(fresh, "Type the name of the node whose place it takes", "node03");
        await AnswerAsync(fresh, "then type 'off'", "off");

        // Nothing is destroyed while somebody lives.
        var refused = await ChooseAsync(fresh, "reinstall");
        await fresh.WaitForConsoleAsync("node01, node02 of site 'lab' answer", InstalledCluster.Deadline, refused);

        var shell = await ChooseAsync(fresh, "rescue shell", refused);
        await fresh.WaitForConsoleAsync("'exit' comes back here", InstalledCluster.Deadline, shell);
        await fresh.SendAsync("echo answer $((40+2)); exit\r");
        await fresh.WaitForConsoleAsync("answer 42", InstalledCluster.Deadline, shell);

        var changed = await ChooseAsync(fresh, "change the site to what site.yaml says: node03 replaced: 52:54:00:77:00:03 -> 52:54:00:77:00:99", shell);
        await AnswerAsync(fresh, "Type 'yes' to change the site", "yes", changed);
        await fresh.WaitForConsoleAsync("manifest 2 is committed", InstalledCluster.Deadline, changed);

        // Nobody types any more: the machine starts as the node that it is now.
        await fresh.WaitForConsoleAsync("Type a number; node03 starts in 10 s", InstalledCluster.Deadline, changed);
        var result = await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, InstalledCluster.Deadline);
        Assert.Null(result.Problem);
        Assert.Equal("starter", result.Nodes.Single(n => n.Name == "node03").Node!.BootedFrom);

        await Condition.WaitAsync("manifest 2 on every node", InstalledCluster.Deadline, async () =>
            (await Task.WhenAll(lab.Lab.Blades.Select(b => lab.OnNodeAsync(b.Name, "virtualinux", "node", "status")))).All(s => s.Contains("manifest 2", StringComparison.Ordinal)));
        // Nodes that ran all the time know the new name, and say so to whoever asks them.
        foreach (var node in (string[])["node01", "node02"])
        {
            await Condition.WaitAsync($"node04 in the name service of {node}", InstalledCluster.Deadline, async () =>
                (await lab.OnNodeAsync(node, "sh", "-c", $"busybox nslookup node04.lab.internal {lab.Lab[node].Options.Ip} || true")).Contains($"{Ordered.Ip}", StringComparison.Ordinal));
            Assert.StartsWith($"{Ordered.Ip} ", await lab.OnNodeAsync(node, "getent", "hosts", "node04"), StringComparison.Ordinal);
        }

        await fresh.PowerCutAsync();
        await fresh.RemoveMediaAsync();
        await fresh.PowerOnAsync();
        var again = await lab.Cluster.WaitForNodesAsync([fresh], InstalledCluster.Deadline);
        Assert.Null(again.Problem);
        Assert.Equal("network", again.Nodes.Single().Node!.BootedFrom);
        // It is the old machine in everything but its card.
        Assert.Equal(cluster.Identities["node03"], await InstalledCluster.IdentityAsync(lab, "node03"));
    }

    [Fact]
    [Trait("Category", "Soak")]
    public async Task J_another_image_comes_beside_the_first_and_a_finished_site_is_destroyed_only_by_who_types_its_name()
    {
        var other = await TestLab.BuildAsync("rootSize: 576MiB");
        await using var lab = await cluster.ForkAsync("reinstalled");
        var blade = lab.Lab["node01"];
        await blade.InsertAsync(Medium.Cdrom(other));
        await blade.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions { Install = false }));
        await blade.PowerOnAsync();

        var added = await ChooseAsync(blade, "add the image debian-13@");
        await blade.WaitForConsoleAsync("is on the SAN, verified; 'virtualinux image rollout debian-13@", InstalledCluster.Deadline, added);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.InfoOf(other));

        var first = await ChooseAsync(blade, "reinstall", added);
        await AnswerAsync(blade, "Type 'yes' to carry the plan out", "yes", first);
        await AnswerAsync(blade, "Type the name of that site", "la", first);
        await blade.WaitForConsoleAsync("Type a number", InstalledCluster.Deadline, first);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);

        var second = await ChooseAsync(blade, "reinstall", first);
        await AnswerAsync(blade, "Type 'yes' to carry the plan out", "yes", second);
        await AnswerAsync(blade, "Type the name of that site", "lab", second);
        await blade.WaitForConsoleAsync("step CreateVolumeGroup", InstalledCluster.Deadline, second);
    }

    /// <summary>Waits for the menu and types the number of the line that holds a text.</summary>
    /// <param name="blade">The machine.</param>
    /// <param name="choice">How the line begins.</param>
    /// <param name="from">A mark behind which the menu is shown; since power-on unless given.</param>
    /// <returns>The console's length before the answer: a mark from which to wait.</returns>
    private static async Task<long> ChooseAsync(Blade blade, string choice, long? from = null)
    {
        await blade.WaitForConsoleAsync($"  {choice}", InstalledCluster.Deadline, from);
        await blade.WaitForConsoleAsync("Type a number", InstalledCluster.Deadline, from);
        var line = blade.ReadConsole(from).Split('\n').Last(l => l.Contains($"  {choice}", StringComparison.Ordinal)).Trim();
        var mark = blade.ConsoleLength;
        await blade.SendAsync($"{line[0]}\r");
        return mark;
    }

    private static async Task AnswerAsync(Blade blade, string question, string answer, long? from = null)
    {
        await blade.WaitForConsoleAsync(question, InstalledCluster.Deadline, from);
        await blade.SendAsync($"{answer}\r");
    }
}
