using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Power that fails when nobody expects it.</summary>
public sealed partial class InstallationTests
{
    private const string Finished = "is finished";

    private static readonly string[] Moments =
    [
        "step Partition", "step CreateVolumeGroup", "step WriteOrigin", "step VerifyOrigin", "step WriteBoot", "step CreateRoots", "step CommitSite", ClusterInstallation.PeersMayStart, Finished,
    ];

    [Fact, Trait("Category", "Soak")]
    public async Task H_an_installation_that_loses_power_at_random_moments_completes_unasked()
    {
        var random = Chance.Create();
        await using var lab = await TestLab.CreateAsync("soak", [Firmware.Bios, Firmware.Uefi]);
        var (metamaster, peer) = (lab.Lab["node01"], lab.Lab["node02"]);
        await metamaster.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        // In the order of the installation: what is behind the journal is not shown again.
        var moments = Enumerable.Range(0, Chance.Faults(random.Next(3, 6))).Select(_ => random.Next(Moments.Length - 1)).Order().ToList();
        foreach (var moment in moments)
        {
            var later = TimeSpan.FromMilliseconds(random.Next(15_000));
            await metamaster.PowerOnAsync();
            var shown = await ReachAsync(metamaster, Moments[moment..]);
            if (shown == ClusterInstallation.PeersMayStart) await peer.PowerOnAsync();
            await Task.Delay(later);
            await metamaster.PowerCutAsync();
            Console.Error.WriteLine($"node01: power cut {later.TotalSeconds:0.0} s after '{shown}'");
        }
        await metamaster.PowerOnAsync();
        await ReachAsync(metamaster, [ClusterInstallation.PeersMayStart, Finished]);
        await peer.PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, Deadline)).Problem);
        Assert.DoesNotContain("Type ", metamaster.ReadConsole(from: 0), StringComparison.Ordinal);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static async Task<string> ReachAsync(Blade blade, IReadOnlyList<string> texts)
    {
        var shown = await blade.WaitForConsoleAsync([ClusterInstallation.Failed, .. texts], Deadline);
        Assert.NotEqual(ClusterInstallation.Failed, shown);
        return shown;
    }
}
