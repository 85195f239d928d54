using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>What a node was told to be on disk is there when its blade is dead.</summary>
public sealed partial class ClusterTests
{
    private const int PieceSize = 64 << 10, LongestLoad = 20_000, FirstPieces = 5;

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
        var random = Chance.Create();
        await using var fork = await cluster.ForkAsync("acknowledged", san: SanKind.Lio);
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        var victim = fork.Lab["node02"];
        var rounds = Chance.Faults(20);
        for (var round = 0; round < rounds; round++)
        {
            var fault = (Fault)((round + random.Next(3)) % 3);
            var key = await WriteForEverAsync(fork, random);
            await WaitForPieceAsync(victim, FirstPieces);
            await StrikeAsync(fork, victim, fault, random);
            await victim.PowerCutAsync();
            var acknowledged = Acknowledged(victim);
            Console.Error.WriteLine($"round {round}: {fault}, {acknowledged} pieces acknowledged");
            await SeeOnDeadBladeAsync(fork, key, acknowledged);
            await victim.PowerOnAsync();
            Assert.Null((await fork.Cluster.WaitForNodesAsync([fork.Lab["node01"], victim], InstalledCluster.Deadline)).Problem);
        }
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static async Task StrikeAsync(TestLab fork, Blade victim, Fault fault, Random random)
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
                var before = Acknowledged(victim);
                await fork.Lab.San.StartAsync();
                // It goes on where it was.
                await WaitForPieceAsync(victim, before + FirstPieces);
                break;
            default:
                var size = long.Parse(await fork.OnNodeAsync("node02", "sudo", "sh", "-c", "blockdev --getsize64 /dev/mapper/vl-data"), CultureInfo.InvariantCulture);
                await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "virtualinux", "storage", "grow", $"{(size >> 20) + 64}MiB");
                await Task.Delay(load / 4);
                break;
        }
    }

    /// <summary>A stream that only its key determines is written piece by piece into the root, each with fsync(2) before the console is told; beside it, writes that wait for nothing.</summary>
    /// <returns>The key.</returns>
    private static async Task<string> WriteForEverAsync(TestLab fork, Random random)
    {
        var seed = new byte[16];
        random.NextBytes(seed);
        var key = Convert.ToHexStringLower(seed);
        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c", HeavyWrites);
        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c",
            $"rm -f /srv/stream; {Stream(key)} | {{ i=0; while dd of=/srv/stream bs={PieceSize} count=1 seek=$i iflag=fullblock conv=notrunc,fsync; do i=$((i+1)); echo \"<piece $i>\" > /dev/ttyS0; done; }}");
        return key;
    }

    private static string Stream(string key) => $"openssl enc -aes-128-ctr -K {key} -iv {new string('0', 32)} -in /dev/zero";

    private static Task WaitForPieceAsync(Blade blade, int number) =>
        Condition.WaitAsync($"piece {number} to be acknowledged", InstalledCluster.Deadline, () => Task.FromResult(Acknowledged(blade) >= number));

    /// <summary>The last piece that the console was told of since power-on.</summary>
    private static int Acknowledged(Blade blade) =>
        Piece().Matches(blade.ReadConsole()).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();

    private static async Task SeeOnDeadBladeAsync(TestLab fork, string key, int pieces)
    {
        var bytes = (long)pieces * PieceSize;
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "virtualinux node fence node02 && mkdir -p /mnt/dead && virtualinux node mount node02 /mnt/dead");
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", $"{Stream(key)} 2>/dev/null | cmp -n {bytes} - /mnt/dead/srv/stream");
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "virtualinux node unmount node02 && virtualinux storage ledger --json > /dev/null && virtualinux node unfence node02");
    }

    [GeneratedRegex(@"<piece (\d+)>")]
    private static partial Regex Piece();
}
