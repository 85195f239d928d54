using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>What a cluster goes through in years.</summary>
public sealed partial class ClusterTests
{
    private const int LongestOutage = 60_000;

    [Fact, Trait("Category", "Soak")]
    public async Task K_a_cluster_lives_through_random_faults_and_loses_nothing_that_was_on_disk()
    {
        var random = Chance.Create();
        await using var fork = await cluster.ForkAsync("faults");
        await fork.StartFromStickAsync("node01", "node02", "node03");
        await fork.Lab["node01"].RemoveMediaAsync();
        var faults = Chance.Faults(8);
        for (var i = 1; i <= faults; i++)
        {
            var boots = await WriteEverywhereAsync(fork, $"before fault {i}");
            var hit = await StrikeAsync(fork, random);
            Assert.Null((await fork.Cluster.WaitForNodesAsync(fork.Lab.Blades, InstalledCluster.Deadline)).Problem);
            await SeeThatAllIsThereAsync(fork, $"before fault {i}");
            // For the others it was a pause at most.
            foreach (var blade in fork.Lab.Blades) Assert.Equal(!hit.Contains(blade), boots[blade] == await BootAsync(fork, blade));
        }

        // The last fault leaves nobody alive.
        await WriteEverywhereAsync(fork, "before the blackout");
        foreach (var blade in fork.Lab.Blades) await blade.PowerCutAsync();
        await fork.StartFromStickAsync("node02", "node01", "node03");
        await SeeThatAllIsThereAsync(fork, "before the blackout");
        foreach (var (node, identity) in cluster.Identities) Assert.Equal(identity, await InstalledCluster.IdentityAsync(fork, node));
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    /// <summary>One fault that leaves at least one node alive, and its end.</summary>
    /// <returns>The blades that lost power.</returns>
    private static async Task<IReadOnlyList<Blade>> StrikeAsync(TestLab fork, Random random)
    {
        var blades = fork.Lab.Blades.ToArray();
        random.Shuffle(blades);
        Blade[] hit = blades[..random.Next(1, blades.Length)];
        var names = string.Join(", ", hit.Select(b => b.Name));
        switch (random.Next(4))
        {
            case 0:
                Console.Error.WriteLine($"fault: power cut of {names}");
                foreach (var blade in hit) await blade.PowerCutAsync();
                break;
            case 1:
                Console.Error.WriteLine($"fault: {names} powered off");
                foreach (var blade in hit) await blade.PowerOffAsync(PowerOff);
                break;
            case 2:
                await OutageAsync("the SAN is off", fork.Lab.San.StopAsync, fork.Lab.San.StartAsync, random);
                return [];
            default:
                await OutageAsync("the SAN stands still", fork.Lab.San.PauseAsync, fork.Lab.San.ResumeAsync, random);
                return [];
        }
        foreach (var blade in hit) await blade.PowerOnAsync();
        return hit;
    }

    private static async Task OutageAsync(string what, Func<CancellationToken, Task> begin, Func<CancellationToken, Task> end, Random random)
    {
        var outage = TimeSpan.FromMilliseconds(random.Next(LongestOutage));
        Console.Error.WriteLine($"fault: {what} for {outage.TotalSeconds:0.0} s");
        await begin(CancellationToken.None);
        await Task.Delay(outage);
        await end(CancellationToken.None);
    }

    /// <summary>Writes into the root and onto the own volume of every node, each with fsync(2).</summary>
    /// <returns>The boot that each node runs from.</returns>
    private static async Task<IReadOnlyDictionary<Blade, string>> WriteEverywhereAsync(TestLab fork, string text)
    {
        var boots = new Dictionary<Blade, string>();
        foreach (var blade in fork.Lab.Blades)
        {
            await fork.OnNodeAsync(blade.Name, "sudo", "sh", "-c", $"for f in /srv/kept /local/kept; do echo {text} > $f && sync $f || exit 1; done");
            boots[blade] = await BootAsync(fork, blade);
        }
        return boots;
    }

    private static async Task SeeThatAllIsThereAsync(TestLab fork, string text)
    {
        foreach (var blade in fork.Lab.Blades) Assert.Equal($"{text}\n{text}", await fork.OnNodeAsync(blade.Name, "cat", "/srv/kept", "/local/kept"));
    }

    private static Task<string> BootAsync(TestLab fork, Blade blade) => fork.OnNodeAsync(blade.Name, "cat", "/proc/sys/kernel/random/boot_id");
}
