using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Power cuts that chance chooses, with a seed.</summary>
public sealed partial class InstallationTests
{
    // In the order in which an installation shows them; a restart begins at or before the line where it was cut.
    private static readonly string[] Moments = ["PLAN", "step Partition", "step CreateVolumeGroup", "origin: 10 %", "origin: 90 %", "verify: 50 %", "step WriteBoot", "step CreateRoots", "step CommitSite", "step BringUpPeers", ClusterInstallation.PeersMayStart];

    [Fact]
    [Trait("Category", "Soak")]
    public async Task H_an_installation_that_loses_power_again_and_again_completes_without_a_question()
    {
        var chance = Chance.Create("power cuts");
        await using var lab = await TestLab.CreateAsync("soak", [Firmware.Bios, Firmware.Uefi]);
        var metamaster = lab.Lab["node01"];
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        foreach (var moment in Enumerable.Range(0, 4).Select(_ => chance.Next(Moments.Length)).Order().Select(m => Moments[m]).ToList())
        {
            await metamaster.PowerOnAsync();
            await metamaster.WaitForConsoleAsync(moment, InstalledCluster.Deadline);
            await Task.Delay(chance.Next(500));
            await metamaster.PowerCutAsync();
        }
        await metamaster.PowerOnAsync();
        await lab.Cluster.FollowAsync(metamaster, ClusterInstallation.PeersMayStart, InstalledCluster.Deadline);
        await lab.Lab["node02"].PowerOnAsync();
        await lab.Cluster.FollowAsync(metamaster, "metamaster demoted", InstalledCluster.Deadline);
        Assert.Null((await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, InstalledCluster.Deadline)).Problem);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }
}
