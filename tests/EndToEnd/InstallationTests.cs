using VirtuaLinux.Host;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>Installations that do not go as planned.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed class InstallationTests
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
        foreach (var moment in (string[])["origin: 10 %", "step CreateRoots"])
        {
            await metamaster.PowerOnAsync();
            await metamaster.WaitForConsoleAsync(moment, Deadline);
            await metamaster.PowerCutAsync();
            Assert.DoesNotContain("step BringUpPeers", metamaster.ReadConsole(), StringComparison.Ordinal);
        }
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
        await using var lab = await TestLab.CreateAsync("refused", [Firmware.Bios], ByteSize.FromGiB(3));
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
        Assert.Contains("the LUN is too small: it has 3.0 GiB", small, StringComparison.Ordinal);
        Assert.Contains("are missing", small, StringComparison.Ordinal);

        Assert.Equal(0, (await lab.Lab.San.AllocatedAsync()).Bytes);
    }

    private static async Task<string> RefusedAsync(TestLab lab, Blade metamaster)
    {
        await metamaster.PowerOnAsync();
        return (await Assert.ThrowsAsync<FailureException>(() => lab.Cluster.FollowAsync(metamaster, ClusterInstallation.PeersMayStart, Deadline))).Message;
    }
}
