using System.Diagnostics;
using System.Globalization;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>A node between two networks, each with a portal of the SAN, under load: it writes numbers that it acknowledges, and reads what it wrote.</summary>
public sealed class PathTests
{
    // Longer than a lost path takes to be seen: two probes of five seconds, and five for the session.
    private static readonly TimeSpan OnePathDown = TimeSpan.FromSeconds(40), AllPathsDown = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan PowerOff = TimeSpan.FromMinutes(4);

    [Fact, Trait("Category", "Soak")]
    public async Task Two_paths_may_be_lost_in_turn_and_together_and_nothing_is_lost()
    {
        await using var lab = await TestLab.CreateAsync("paths", [Firmware.Bios], networks: 2, kind: SanKind.Lio);
        var blade = lab.Lab["node01"];
        Assert.Null((await lab.Cluster.RunAsync(Medium.UsbStick(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline)).Problem);
        await WaitForPathsAsync(lab, 2);
        Assert.Equal(2, await RegistrationsAsync(lab));
        var boot = await BootAsync(lab);
        await StartLoadAsync(lab);
        var used = await Task.WhenAll(TrafficAsync(lab, 1), TrafficAsync(lab, 2));

        await LosePathsAsync(lab, WaitForPathsAsync);
        await EndLoadAsync(lab);
        Assert.Equal(boot, await BootAsync(lab));
        Assert.Equal(2, await RegistrationsAsync(lab));
        // Both carried the load.
        Assert.All(used.Zip(await Task.WhenAll(TrafficAsync(lab, 1), TrafficAsync(lab, 2))), t => Assert.True(t.Second - t.First > 10 << 20));

        // A path that is not there at boot is no obstacle, and is used when it comes.
        await blade.PullCableAsync(2);
        await RebootAsync(lab, boot);
        await WaitForPathsAsync(lab, 1);
        await blade.PlugCableAsync(2);
        await WaitForPathsAsync(lab, 2);
        Assert.Equal(2, await RegistrationsAsync(lab));
        await SeeThatAllIsThereAsync(lab);
        await RebootAsync(lab, await BootAsync(lab));
        await WaitForPathsAsync(lab, 2);
        var off = Stopwatch.StartNew();
        await blade.PowerOffAsync(PowerOff);
        Console.Error.WriteLine($"paths: power-off took {off.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s");
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    [Fact, Trait("Category", "Soak")]
    public async Task The_only_path_may_be_lost_for_a_minute_and_it_was_a_pause()
    {
        await using var lab = await TestLab.CreateAsync("path", [Firmware.Bios]);
        var blade = lab.Lab["node01"];
        Assert.Null((await lab.Cluster.RunAsync(Medium.UsbStick(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline)).Problem);
        Assert.Equal("", await lab.OnNodeAsync("node01", "sudo", "dmsetup", "ls", "--target", "multipath"));
        var boot = await BootAsync(lab);
        await StartLoadAsync(lab);
        var before = await AcknowledgedAsync(lab);
        await blade.PullCableAsync();
        await Task.Delay(AllPathsDown);
        await blade.PlugCableAsync();
        await Condition.WaitAsync("the load to go on", InstalledCluster.Deadline, async () => await AcknowledgedAsync(lab) is var now && now.Uptime > before.Uptime + 60);
        Console.Error.WriteLine($"paths: the only path lost: the longest wait for an acknowledged write was {(await LongestGapAsync(lab, before.Number)).ToString("0.0", CultureInfo.InvariantCulture)} s");
        await EndLoadAsync(lab);
        Assert.Equal(boot, await BootAsync(lab));
        await RebootAsync(lab, boot);
        await SeeThatAllIsThereAsync(lab);
    }

    /// <summary>Pulls node01's cables, each for a while and then both, and puts them back.</summary>
    internal static async Task LosePathsAsync(TestLab lab, Func<TestLab, int, Task> waitForPathsAsync)
    {
        var blade = lab.Lab["node01"];
        var outages = new List<(string What, double Gap)>();
        foreach (var lost in (int[][])[[2], [1], [1, 2]])
        {
            var before = await AcknowledgedAsync(lab);
            foreach (var network in lost) await blade.PullCableAsync(network);
            await Task.Delay(lost.Length > 1 ? AllPathsDown : OnePathDown);
            foreach (var network in lost) await blade.PlugCableAsync(network);
            await waitForPathsAsync(lab, 2);
            await Condition.WaitAsync("the load to go on", InstalledCluster.Deadline, async () => await AcknowledgedAsync(lab) is var now && now.Number > before.Number && now.Uptime > before.Uptime + 60);
            outages.Add((lost.Length > 1 ? "both paths" : $"path {lost[0]}", await LongestGapAsync(lab, before.Number)));
        }
        foreach (var (what, gap) in outages) Console.Error.WriteLine($"paths: {what} lost: the longest wait for an acknowledged write was {gap.ToString("0.0", CultureInfo.InvariantCulture)} s");
    }

    /// <summary>Numbers into the root, each forced to the disk and then acknowledged in memory; and 16 MiB onto the own volume and back, past the node's memory, again and again.</summary>
    internal static async Task StartLoadAsync(TestLab lab)
    {
        const string numbers = "i=0; while :; do i=$((i+1)); read -r up rest < /proc/uptime; echo $i $up >> /srv/numbers && sync /srv/numbers && echo $i $up > /run/acknowledged.new && mv /run/acknowledged.new /run/acknowledged || exit 1; sleep 0.2; done";
        const string pattern = "dd if=/dev/urandom of=/run/pattern bs=1M count=16 && while :; do dd if=/run/pattern of=/local/pattern bs=1M oflag=direct conv=notrunc && dd if=/local/pattern bs=1M iflag=direct | cmp - /run/pattern || exit 1; done";
        foreach (var (unit, script) in ((string, string)[])[("numbers", numbers), ("pattern", pattern)])
            await lab.OnNodeAsync("node01", "sudo", "systemd-run", "--quiet", $"--unit={unit}", "sh", "-c", script);
        await Condition.WaitAsync("the load to begin", InstalledCluster.Deadline, async () => await lab.OnNodeAsync("node01", "sh", "-c", "ls /run/acknowledged /local/pattern 2>/dev/null | wc -l") == "2");
    }

    /// <summary>No write or comparison failed, and all that was acknowledged is there.</summary>
    internal static async Task EndLoadAsync(TestLab lab)
    {
        Assert.Equal("active\nactive", await lab.OnNodeAsync("node01", "systemctl", "is-active", "numbers", "pattern"));
        await lab.OnNodeAsync("node01", "sudo", "systemctl", "stop", "numbers", "pattern");
        await lab.OnNodeAsync("node01", "sudo", "sh", "-c", "cp /run/acknowledged /local/acknowledged && sync /local/acknowledged");
        await SeeThatAllIsThereAsync(lab);
        Assert.Equal("", await lab.OnNodeAsync("node01", "sudo", "sh", "-c", "dmesg | grep -E 'EXT4-fs error|EXT4-fs warning|Remounting filesystem|Buffer I/O error|reservation conflict' || true"));
    }

    internal static async Task SeeThatAllIsThereAsync(TestLab lab)
    {
        var acknowledged = (await lab.OnNodeAsync("node01", "cat", "/local/acknowledged")).Split(' ')[0];
        Assert.Equal(acknowledged, await lab.OnNodeAsync("node01", "awk", $"$1 == n + 1 {{ n++ }} END {{ print (n > {acknowledged} ? {acknowledged} : n) }}", "/srv/numbers"));
    }

    private static async Task<(int Number, double Uptime)> AcknowledgedAsync(TestLab lab)
    {
        var words = (await lab.OnNodeAsync("node01", "cat", "/run/acknowledged")).Split(' ');
        return (int.Parse(words[0], CultureInfo.InvariantCulture), double.Parse(words[1], CultureInfo.InvariantCulture));
    }

    /// <summary>The longest time between two numbers since one of them, in seconds.</summary>
    private static async Task<double> LongestGapAsync(TestLab lab, int since) =>
        double.Parse(await lab.OnNodeAsync("node01", "awk", $"$1 >= {since} {{ if (last && $2 - last > gap) gap = $2 - last; last = $2 }} END {{ print gap + 0 }}", "/srv/numbers"), CultureInfo.InvariantCulture);

    private static Task WaitForPathsAsync(TestLab lab, int count) =>
        Condition.WaitAsync($"{count} paths in use", InstalledCluster.Deadline, async () =>
            (await lab.OnNodeAsync("node01", "sudo", "sh", "-c", "dmsetup status --noflush --target multipath | grep -oE ' [0-9]+:[0-9]+ A ' | wc -l")) == count.ToString(CultureInfo.InvariantCulture));

    private static async Task<int> RegistrationsAsync(TestLab lab) =>
        int.Parse(await lab.OnNodeAsync("node01", "sudo", "sh", "-c", "disk=$(readlink -f /dev/disk/by-path/*-lun-1 | head -1); sg_persist --no-inquiry --in --read-keys $disk | grep -cE '^ +0x'"), CultureInfo.InvariantCulture);

    private static async Task<long> TrafficAsync(TestLab lab, int network)
    {
        var traffic = await lab.Lab.Network.TrafficAsync("node01", network);
        return traffic.FromBlade + traffic.ToBlade;
    }

    internal static Task<string> BootAsync(TestLab lab) => lab.OnNodeAsync("node01", "cat", "/proc/sys/kernel/random/boot_id");

    /// <summary>Restarts the node as its administrator does.</summary>
    internal static async Task RebootAsync(TestLab lab, string boot)
    {
        var blade = lab.Lab["node01"];
        var mark = blade.ConsoleLength;
        var clock = Stopwatch.StartNew();
        await lab.OnNodeAsync("node01", "sudo", "systemctl", "--no-block", "reboot");
        await Condition.WaitAsync("node01 to restart", PowerOff, async () =>
        {
            await blade.TendAsync();
            return blade.ReadConsole(mark).Contains("reboot: Restarting system", StringComparison.Ordinal);
        });
        var down = clock.Elapsed;
        var console = blade.ReadConsole(mark);
        Assert.DoesNotContain("Failed unmounting", console, StringComparison.Ordinal);
        Assert.DoesNotContain("Stopping timed out", console, StringComparison.Ordinal);
        Assert.Null((await lab.Cluster.WaitForNodesAsync([blade], InstalledCluster.Deadline)).Problem);
        Assert.NotEqual(boot, await BootAsync(lab));
        Console.Error.WriteLine($"paths: restart: down after {down.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s, a node again after {clock.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s");
    }
}
