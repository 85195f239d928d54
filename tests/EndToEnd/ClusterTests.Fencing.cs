using System.Text;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>Exclusion by the array itself: the kernel's target, whose reservations last.</summary>
public sealed partial class ClusterTests
{
    private static readonly TimeSpan ArrayIsQuiet = TimeSpan.FromSeconds(2);

    [Fact, Trait("Category", "Soak")]
    public async Task M_a_node_that_was_fenced_while_it_stood_still_writes_nothing_when_it_comes_back_restarts_itself_and_boots_when_it_is_let_in()
    {
        await using var fork = await cluster.ForkAsync("fenced", san: SanKind.Lio);
        var (first, second) = (fork.Lab["node01"], fork.Lab["node02"]);
        await fork.StartFromStickAsync("node01", "node02");
        await first.RemoveMediaAsync();
        Assert.Contains("registered with the SAN under key", second.ReadConsole(), StringComparison.Ordinal);

        // Heavy writes are under way when it stops.
        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c", LoadedNode.HeavyWrites);
        await second.PauseAsync();
        Assert.Contains("node02 is fenced", await fork.OnNodeAsync("node01", "sudo", "virtualinux", "node", "fence", "node02"), StringComparison.Ordinal);

        // Another node works with its volumes meanwhile.
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "mkdir -p /mnt/dead && virtualinux node mount node02 /mnt/dead && echo helper > /mnt/dead/srv/mark");
        // It does not come back before they are given back.
        foreach (var command in (string[])["node unfence node02", "storage grow 4GiB --node node02"])
            Assert.Contains("the volumes of node02 are in use on node01", await FailAsync(fork, "node01", command.Split(' ')), StringComparison.Ordinal);
        await fork.OnNodeAsync("node01", "sudo", "virtualinux", "node", "unmount", "node02");

        // From here on nobody may write, so that every byte which reaches the array is the late writer's.
        await fork.OnNodeAsync("node01", "sudo", "sync");
        await first.PauseAsync();
        var written = await WaitForQuietArrayAsync(fork);
        await second.ContinueAsync();
        await fork.Cluster.FollowAsync(second, "reservation conflict", InstalledCluster.Deadline);
        await fork.Cluster.FollowAsync(second, "is gone from the SAN", InstalledCluster.Deadline);
        // Nobody boots it while the other one stands still: it is in its firmware then.
        await Task.Delay(ArrayIsQuiet);
        Assert.Equal(written, File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile));

        await first.ContinueAsync();
        await fork.Cluster.FollowAsync(second, "node02 is fenced", InstalledCluster.Deadline);
        await fork.OnNodeAsync("node01", "sudo", "virtualinux", "node", "unfence", "node02");
        Assert.Null((await fork.Cluster.WaitForNodesAsync([first, second], InstalledCluster.Deadline)).Problem);
        Assert.Equal("helper", await fork.OnNodeAsync("node02", "cat", "/srv/mark"));
        Assert.Contains("watches its key", await fork.OnNodeAsync("node02", "sudo", "dmesg"), StringComparison.Ordinal);
    }

    [Fact, Trait("Category", "Soak")]
    public async Task M1_an_array_that_restarts_keeps_all_registrations_and_one_that_loses_them_gets_them_back_from_nodes_that_never_stopped()
    {
        await using var fork = await cluster.ForkAsync("reregister", san: SanKind.Lio);
        await fork.StartFromStickAsync("node01", "node02", "node03");
        await fork.Lab["node01"].RemoveMediaAsync();
        var boots = await WriteEverywhereAsync(fork, "before the array restarts");
        Assert.Contains("(PTPL_A): 1", await PersistentReserveInAsync(fork, "--report-capabilities"), StringComparison.Ordinal);
        var keys = await KeysAsync(fork);
        Assert.Equal(3, keys.Count);

        await fork.Lab.San.StopAsync();
        await fork.Lab.San.StartAsync();
        await WaitForKeysAsync(fork, keys);
        Assert.Contains("Write Exclusive, all registrants", await PersistentReserveInAsync(fork, "--read-reservation"), StringComparison.Ordinal);

        await fork.Lab.San.StopAsync();
        foreach (var file in Directory.GetFiles(Path.Combine(Path.GetDirectoryName(fork.Lab.San.BackingFile)!, "san/reservations"))) File.Delete(file);
        await fork.Lab.San.StartAsync();
        await WaitForKeysAsync(fork, keys);
        await Condition.WaitAsync("the array to be reserved again", InstalledCluster.Deadline, async () =>
            (await PersistentReserveInAsync(fork, "--read-reservation")).Contains("Write Exclusive, all registrants", StringComparison.Ordinal));
        await SeeThatAllIsThereAsync(fork, "before the array restarts");
        foreach (var blade in fork.Lab.Blades) Assert.Equal(boots[blade], await BootAsync(fork, blade));
        await WriteEverywhereAsync(fork, "after the array lost its registrations");
    }

    [Fact, Trait("Category", "Soak")]
    public async Task M2_a_machine_that_boots_under_the_name_of_one_that_still_runs_shuts_it_out_before_it_maps_anything()
    {
        var options = cluster.Lab.Lab.Blades.Select(b => b.Options).ToList();
        var fresh = MacAddress.Parse("52:54:00:77:00:33");
        await using var fork = await cluster.ForkAsync("twins", [options[0], options[1], options[2] with { Mac = fresh }], SanKind.Lio);
        var (old, twin) = (fork.Lab["node02"], fork.Lab["node03"]);
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        await fork.OnNodeAsync("node02", "sudo", "sh", "-c", "echo kept > /srv/kept && sync -f /srv");
        var boot = await BootAsync(fork, old);
        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c", LoadedNode.HeavyWrites);

        // It hangs, and is taken for dead: the site says that node02 is the new machine now.
        await old.PauseAsync();
        var site = (await fork.Lab.SiteFilesAsync(new LabSiteOptions()))["site.yaml"];
        site = site.Replace(options[1].Mac.ToString(), "NODE02", StringComparison.Ordinal).Replace(fresh.ToString(), options[2].Mac.ToString(), StringComparison.Ordinal).Replace("NODE02", fresh.ToString(), StringComparison.Ordinal);
        await fork.OnNodeAsync("node01", "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(site))} | base64 -d > /tmp/site.yaml");
        const string apply = "virtualinux site apply --site /tmp/site.yaml --yes";
        Assert.Contains("is registered with the SAN still", (await fork.RunOnNodeAsync("node01", "sudo", "sh", "-c", apply)).Error, StringComparison.Ordinal);
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", $"virtualinux node fence node02 && {apply} && virtualinux node unfence node02");
        await twin.PowerOnAsync();
        await fork.Cluster.FollowAsync(twin, "root mounted: node02", InstalledCluster.Deadline);
        await old.ContinueAsync();
        await fork.Cluster.FollowAsync(old, "is gone from the SAN", InstalledCluster.Deadline);
        // The site knows it no more, and boots it no more.
        await Condition.WaitAsync("the old machine to be refused a boot", InstalledCluster.Deadline, () => Task.FromResult(old.ReadConsole().Split("is gone from the SAN")[^1].Contains("No configuration methods", StringComparison.Ordinal)));
        Assert.Equal("kept", await fork.OnNodeAsync("node02", "cat", "/srv/kept"));
        Assert.NotEqual(boot, await BootAsync(fork, old));
        Assert.Equal(fresh.ToString(), await fork.OnNodeAsync("node02", "sh", "-c", "cat /sys/class/net/e*/address | sort -u"));
    }

    [Fact, Trait("Category", "Soak")]
    public async Task M3_a_pool_of_which_the_start_is_zeros_is_repaired_and_one_that_is_all_zeros_does_not_begin_anew_by_itself_and_another_node_saves_its_files_and_resets_it()
    {
        await using var fork = await cluster.ForkAsync("reset", san: SanKind.Lio);
        var second = fork.Lab["node02"];
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        var key = await fork.OnNodeAsync("node02", "cat", "/local/ssh/ssh_host_ed25519_key.pub");
        await fork.OnNodeAsync("node02", "sudo", "sh", "-c", "echo kept > /local/kept && sync");
        Task<string> Other(string command) => fork.OnNodeAsync("node01", "sudo", "sh", "-c", command);
        // What the kernel takes for a pool that was never used.
        Task ZeroAsync(string sectors) => Other($"mkdir -p /mnt/dead && virtualinux node fence node02 && virtualinux node mount node02 /mnt/dead && set -- $(dmsetup table vl-node02-meta) && virtualinux node unmount node02 && dd if=/dev/zero of=/dev/block/$4 bs=512 seek=$5 count={sectors} oflag=direct && virtualinux node unfence node02");

        await second.PowerCutAsync();
        await ZeroAsync("128");
        await second.PowerOnAsync();
        await fork.Cluster.FollowAsync(second, "the metadata of the pool of node02 are repaired", InstalledCluster.Deadline);
        Assert.Null((await fork.Cluster.WaitForNodesAsync([second], InstalledCluster.Deadline)).Problem);
        Assert.Equal("node02", await fork.OnNodeAsync("node02", "cat", "/srv/mine"));

        await second.PowerCutAsync();
        await ZeroAsync("$2");
        await second.PowerOnAsync();
        await fork.Cluster.FollowAsync(second, "'virtualinux node reset node02'", InstalledCluster.Deadline);

        await Other("virtualinux node fence node02");
        Assert.Contains("the local volume of node02 is mounted on /mnt/dead/local", await Other("virtualinux node mount node02 /mnt/dead"), StringComparison.Ordinal);
        Assert.Equal("kept", await Other("cat /mnt/dead/local/kept"));
        Assert.Contains("begins anew at its next start", await Other("virtualinux node unmount node02 && virtualinux node reset node02 && virtualinux node unfence node02"), StringComparison.Ordinal);
        Assert.Null((await fork.Cluster.WaitForNodesAsync([second], InstalledCluster.Deadline)).Problem);
        Assert.Equal("kept", await fork.OnNodeAsync("node02", "cat", "/local/kept"));
        Assert.Equal(key, await fork.OnNodeAsync("node02", "cat", "/local/ssh/ssh_host_ed25519_key.pub"));

        await second.PowerCutAsync();
        await Other("virtualinux node fence node02 && virtualinux node reset node02 --with-local && virtualinux node unfence node02");
        await second.PowerOnAsync();
        Assert.Null((await fork.Cluster.WaitForNodesAsync([second], InstalledCluster.Deadline)).Problem);
        Assert.NotEqual(0, (await fork.Lab.SshAsync(second, ["test", "-e", "/local/kept"])).ExitCode);
    }

    /// <summary>Waits until nothing is written any more.</summary>
    /// <returns>When something was written last.</returns>
    private static async Task<DateTime> WaitForQuietArrayAsync(TestLab fork)
    {
        var last = DateTime.MinValue;
        await Condition.WaitAsync("the array to have written all", InstalledCluster.Deadline, async () =>
        {
            last = File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile);
            await Task.Delay(ArrayIsQuiet);
            return last == File.GetLastWriteTimeUtc(fork.Lab.San.BackingFile);
        });
        return last;
    }

    private static Task WaitForKeysAsync(TestLab fork, IReadOnlyList<string> keys) =>
        Condition.WaitAsync("all nodes to be registered", InstalledCluster.Deadline, async () => (await KeysAsync(fork)).SequenceEqual(keys));

    private static async Task<IReadOnlyList<string>> KeysAsync(TestLab fork) =>
        [.. (await PersistentReserveInAsync(fork, "--read-keys")).Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("0x564c", StringComparison.Ordinal)).Order()];

    /// <summary>What sg_persist(8) shows on a node; the first command after a change may fail (unit attention).</summary>
    private static Task<string> PersistentReserveInAsync(TestLab fork, string what) =>
        fork.OnNodeAsync("node01", "sudo", "sh", "-c", $"disk=$(readlink -f /dev/disk/by-path/*-lun-1 | head -1); for i in 1 2 3; do sg_persist --no-inquiry --in {what} $disk && break; done");
}
