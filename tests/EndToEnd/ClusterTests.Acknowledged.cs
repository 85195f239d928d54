using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>What a node was told to be on disk is there when its blade is dead.</summary>
public sealed partial class ClusterTests
{
    private const int LongestLoad = 20_000;

    private const string Unwaited = "systemd-run --quiet";

    private enum Fault
    {
        PowerCut,
        SanKilled,
        PowerCutWhileGrowing,
    }

    /// <summary>Each round boots a blade, which alone takes longer than a test of <c>Test</c> may.</summary>
    [Fact, Trait("Category", "Soak")]
    public async Task N_what_was_acknowledged_is_found_on_the_volumes_of_a_dead_blade_by_another_node_whatever_killed_it()
    {
        if (!File.Exists(FioLoad.HostProgram)) Assert.Skip($"no {FioLoad.HostProgram} to bring into nodes; install the package fio");
        var random = Chance.Create();
        await using var fork = await cluster.ForkAsync("acknowledged", san: SanKind.Lio);
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        foreach (var node in (string[])["node01", "node02"]) await FioLoad.InstallAsync(fork, node);
        var victim = fork.Lab["node02"];
        var rounds = Chance.Faults(20);
        for (var round = 0; round < rounds; round++)
        {
            var fault = (Fault)((round + random.Next(3)) % 3);
            var loaded = await LoadedNode.StartAsync(fork, "node02", new StreamLoad(random), new PagesLoad(random), new FioLoad(random, FioLoad.NodeProgram));
            await StrikeAsync(fork, loaded, fault, random);
            await victim.PowerCutAsync();
            Console.Error.WriteLine($"round {round}: {fault}, {string.Join(", ", loaded.Acknowledged())} steps acknowledged");
            await SeeOnDeadBladeAsync(fork, loaded);
            await victim.PowerOnAsync();
            Assert.Null((await fork.Cluster.WaitForNodesAsync([fork.Lab["node01"], victim], InstalledCluster.Deadline)).Problem);
        }
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static async Task StrikeAsync(TestLab fork, LoadedNode loaded, Fault fault, Random random)
    {
        var load = TimeSpan.FromMilliseconds(random.Next(LongestLoad));
        switch (fault)
        {
            case Fault.PowerCut:
                await Task.Delay(load);
                break;
            case Fault.SanKilled:
                await Task.Delay(load);
                await fork.Lab.San.StopAsync();
                var before = loaded.Acknowledged();
                await fork.Lab.San.StartAsync();
                // They go on where they were.
                await loaded.WaitForMoreAsync(before);
                break;
            default:
                await GrowAsync(fork, "node02", Unwaited);
                await Task.Delay(load / 4);
                break;
        }
    }

    /// <summary>Lets a node's exception store grow.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="node">The node.</param>
    /// <param name="runner">What runs the command there, if not the shell.</param>
    private static Task<string> GrowAsync(TestLab lab, string node, string runner = "") =>
        lab.OnNodeAsync(node, "sudo", "sh", "-c", $"{runner} virtualinux storage grow $(($(blockdev --getsize64 /dev/mapper/vl-data) / 1048576 + 64))MiB");

    private static async Task SeeOnDeadBladeAsync(TestLab fork, LoadedNode loaded)
    {
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "virtualinux node fence node02 && mkdir -p /mnt/dead && virtualinux node mount node02 /mnt/dead");
        await loaded.CompareAsync(fork, "node01", loaded.Acknowledged(), "/mnt/dead");
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "virtualinux node unmount node02 && virtualinux storage ledger --json > /dev/null && virtualinux node unfence node02");
    }
}
