using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;

namespace VirtuaLinux.Cluster.Tests;

public class SiteBootsTests
{
    [Fact]
    public void Of_several_views_the_latest_counts_and_who_is_stuck_longest_is_at_the_top()
    {
        var merged = SiteBoots.Merge(
        [
            [Boot(11, BootStage.Firmware, 40), Boot(12, BootStage.Up, 500), Boot(13, BootStage.Kernel, 90)],
            [Boot(11, BootStage.Initrd, 3), Boot(14, BootStage.Up, 10)],
        ]);
        Assert.Equal([(13u, BootStage.Kernel), (11, BootStage.Initrd), (12, BootStage.Up), (14, BootStage.Up)], merged.Select(m => (m.Address.Value, m.Stage)));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_named()
    {
        using var boots = new SiteBoots();
        var (machines, silent) = await boots.ReadAsync(["127.0.0.1:1"], TestContext.Current.CancellationToken);
        Assert.Empty(machines);
        Assert.Equal(["127.0.0.1:1"], silent);
    }

    private static MachineBoot Boot(uint address, BootStage stage, double seconds) => new() { Name = $"node{address}", Address = new Ipv4Address(address), Stage = stage, StageSeconds = seconds, BootSeconds = seconds };
}
