using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Exclusion by the array itself: the kernel's target, whose reservations last.</summary>
public sealed partial class ClusterTests
{
    [Fact, Trait("Category", "Soak")]
    public async Task M_a_node_that_was_fenced_while_it_stood_still_writes_nothing_when_it_comes_back_and_boots_only_when_it_is_let_in()
    {
        await using var fork = await cluster.ForkAsync("fenced", san: SanKind.Lio);
        var (first, second) = (fork.Lab["node01"], fork.Lab["node02"]);
        await fork.StartFromStickAsync("node01", "node02");
        await first.RemoveMediaAsync();
        Assert.Contains("registered with the SAN under key", second.ReadConsole(), StringComparison.Ordinal);

        // Heavy writes are under way when it stops.
        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c", "while :; do dd if=/dev/urandom of=/srv/late bs=64k count=64 oflag=direct conv=notrunc; done");
        await second.PauseAsync();
        Assert.Contains("node02 is fenced", await fork.OnNodeAsync("node01", "sudo", "virtualinux", "node", "fence", "node02"), StringComparison.Ordinal);

        // From here on nobody may write, so that every byte which reaches the array is the late writer's.
        await fork.OnNodeAsync("node01", "sudo", "sync");
        await first.PauseAsync();
        await Condition.WaitAsync("the array to have written all", InstalledCluster.Deadline, async () =>
        {
            var before = File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile);
            await Task.Delay(TimeSpan.FromSeconds(2));
            return before == File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile);
        });
        var written = File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile);
        await second.ContinueAsync();
        await fork.Cluster.FollowAsync(second, "reservation conflict", InstalledCluster.Deadline);
        // Its file systems have met the errors by then, and nothing is left under way.
        await fork.Cluster.FollowAsync(second, "Remounting filesystem read-only", InstalledCluster.Deadline);
        Assert.Equal(written, File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile));

        await second.PowerCutAsync();
        await first.ContinueAsync();
        await second.PowerOnAsync();
        await Condition.WaitAsync("node02 to be refused", InstalledCluster.Deadline, () => Task.FromResult(second.ReadConsole().Contains("node02 is fenced", StringComparison.Ordinal)));
        await fork.OnNodeAsync("node01", "sudo", "virtualinux", "node", "unfence", "node02");
        await second.PowerCutAsync();
        await second.PowerOnAsync();
        Assert.Null((await fork.Cluster.WaitForNodesAsync([first, second], InstalledCluster.Deadline)).Problem);
    }
}
