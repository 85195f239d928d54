using VirtuaLinux.Host;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>Installations that do not go as planned.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed partial class InstallationTests
{
    private static readonly TimeSpan Deadline = InstalledCluster.Deadline;

    [Fact]
    public async Task D_an_installation_that_lost_power_twice_completes_and_lists_a_machine_that_is_not_in_the_site()
    {
        await using var lab = await TestLab.CreateAsync("cuts", [Firmware.Bios, Firmware.Bios, Firmware.Bios]);
        var site = new LabSiteOptions { Nodes = ["node01", "node02"] };
        var metamaster = lab.Lab["node01"];
        var stranger = lab.Lab["node03"];
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(site));
        await metamaster.PowerOnAsync();
        await metamaster.WaitForConsoleAsync("origin: 10 %", Deadline);
        await metamaster.PowerCutAsync();
        Assert.DoesNotContain("step VerifyOrigin", metamaster.ReadConsole(), StringComparison.Ordinal);

        await metamaster.PowerOnAsync();
        await metamaster.WaitForConsoleAsync("step VerifyOrigin", Deadline);
        await lab.CutDuringAsync(metamaster, "step CreateRoots");
        Assert.DoesNotContain("step CreateRoots done", metamaster.ReadConsole(), StringComparison.Ordinal);

        await metamaster.PowerOnAsync();
        await lab.Cluster.FollowAsync(metamaster, ClusterInstallation.PeersMayStart, Deadline);
        Assert.DoesNotContain("PLAN", metamaster.ReadConsole(), StringComparison.Ordinal);

        await stranger.PowerOnAsync();
        await lab.Cluster.FollowAsync(metamaster, $"a machine that is not in the site waits at 192.168.77.200: {{ name: nodeNN, mac: \"{stranger.Options.Mac}\"", Deadline);
        await stranger.PowerCutAsync();

        await lab.Lab["node02"].PowerOnAsync();
        await lab.Cluster.FollowAsync(metamaster, "metamaster demoted", Deadline);
        var result = await lab.Cluster.WaitForNodesAsync([metamaster, lab.Lab["node02"]], Deadline);
        Assert.Null(result.Problem);
        Assert.All(result.Nodes, n => Assert.Equal("network", n.Node!.BootedFrom));
    }

    [Fact]
    public async Task E_a_wrong_secret_and_a_small_LUN_stop_with_their_reasons_and_write_nothing()
    {
        await using var lab = await TestLab.CreateAsync("refused", [Firmware.Bios], ByteSize.FromGiB(2));
        var metamaster = lab.Lab["node01"];
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));

        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions { ChapSecret = "not-the-secret" }));
        var refused = await RefusedAsync(lab, metamaster);
        Assert.Contains("wrong CHAP user or secret", refused, StringComparison.Ordinal);
        await metamaster.PowerCutAsync();

        await metamaster.RemoveMediaAsync();
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        var small = await RefusedAsync(lab, metamaster);
        Assert.Contains("the LUN is too small: it has 2.0 GiB", small, StringComparison.Ordinal);
        Assert.Contains("are missing", small, StringComparison.Ordinal);

        Assert.Equal(0, (await lab.Lab.San.AllocatedAsync()).Bytes);
    }

    // Ten minutes of questions and answers: Test has room for one such scenario less.
    [Fact, Trait("Category", "Soak")]
    public async Task G_foreign_data_is_named_and_only_a_second_yes_destroys_it_and_a_person_goes_on_without_a_missing_peer()
    {
        await using var lab = await TestLab.CreateAsync("foreign", [Firmware.Bios, Firmware.Bios, Firmware.Uefi], ByteSize.FromGiB(7));
        var runner = new CommandRunner();
        await runner.RunAsync(ExternalCommand.Of("mke2fs", "-q", "-F", "-t", "ext4", "-L", "payroll", lab.Lab.San.BackingFile));
        var before = await DigestAsync(runner, lab);
        var metamaster = lab.Lab["node01"];
        var site = new LabSiteOptions { Root = ByteSize.FromGiB(1) };
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(site));
        var unattended = await RefusedAsync(lab, metamaster);
        Assert.Contains("LABEL=payroll", unattended, StringComparison.Ordinal);
        Assert.Contains("write overwriteLun: \"", unattended, StringComparison.Ordinal);
        await metamaster.PowerCutAsync();

        await metamaster.RemoveMediaAsync();
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(site with { Install = false }));
        await metamaster.PowerOnAsync();
        var mark = await AnswerPlanAsync(metamaster, metamaster.State.ConsoleStart, "no");
        await metamaster.WaitForConsoleAsync("nothing was written, as you said", Deadline, mark);
        mark = await AnswerPlanAsync(metamaster, await AgainAsync(metamaster, mark), "yes", "yes");
        await metamaster.WaitForConsoleAsync("nothing was written, as you said", Deadline, mark);
        Assert.Equal(before, await DigestAsync(runner, lab));

        var wwid = metamaster.ReadConsole().Split('\n').First(l => l.Contains("WWID ", StringComparison.Ordinal)).Split("WWID ")[1].Trim();
        mark = await AnswerPlanAsync(metamaster, await AgainAsync(metamaster, mark), "yes", wwid);
        await metamaster.WaitForConsoleAsync("origin: 10 %", Deadline, mark);

        // One peer never comes; a person decides.
        await metamaster.WaitForConsoleAsync(ClusterInstallation.PeersMayStart, Deadline, mark);
        var (present, missing) = (lab.Lab["node02"], lab.Lab["node03"]);
        await present.PowerOnAsync();
        await metamaster.WaitForConsoleAsync("Type 'accept' to go on without them", Deadline, mark);
        await metamaster.SendAsync("accept\r");
        // From the mark on: before it this machine gave up twice, as it was told.
        await metamaster.WaitForConsoleAsync("metamaster demoted", Deadline, mark);
        Assert.Contains("node03 is missing: never asked for an address", metamaster.ReadConsole(mark), StringComparison.Ordinal);
        Assert.Null((await lab.Cluster.WaitForNodesAsync([metamaster, present], Deadline)).Problem);

        await missing.PowerOnAsync();
        var late = await lab.Cluster.WaitForNodesAsync([missing], Deadline);
        Assert.Null(late.Problem);
        Assert.Equal("network", late.Nodes.Single().Node!.BootedFrom);
    }

    private static async Task<string> DigestAsync(CommandRunner runner, TestLab lab) => (await runner.RunAsync(ExternalCommand.Of("sha256sum", lab.Lab.San.BackingFile))).Output.Split(' ')[0];

    /// <summary>Answers the plan's one or two questions.</summary>
    /// <returns>A mark behind which what follows is shown.</returns>
    private static async Task<long> AnswerPlanAsync(Blade blade, long from, params IReadOnlyList<string> answers)
    {
        string[] questions = ["Type 'yes' to carry the plan out", "to destroy that"];
        foreach (var (question, answer) in questions.Zip(answers))
        {
            await blade.WaitForConsoleAsync(question, Deadline, from);
            from = blade.ConsoleLength;
            await blade.SendAsync($"{answer}\r");
        }
        return from;
    }

    /// <summary>Lets a metamaster that gave up start again.</summary>
    private static async Task<long> AgainAsync(Blade blade, long from)
    {
        await blade.WaitForConsoleAsync("Press Enter to start again", Deadline, from);
        var mark = blade.ConsoleLength;
        await blade.SendAsync("\r");
        return mark;
    }

    private static async Task<string> RefusedAsync(TestLab lab, Blade metamaster)
    {
        await metamaster.PowerOnAsync();
        return (await Assert.ThrowsAsync<FailureException>(() => lab.Cluster.FollowAsync(metamaster, ClusterInstallation.PeersMayStart, Deadline))).Message;
    }
}
