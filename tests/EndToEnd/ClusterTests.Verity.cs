using System.Globalization;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.EndToEnd;

/// <summary>A SAN that does not keep what was written.</summary>
public sealed partial class ClusterTests
{
    /// <summary>Firmware of adapters that no emulated machine has.</summary>
    private const string UnreadFolder = "/usr/lib/firmware/qed";

    private static readonly int BlocksOfPool = (int)(VolumeSizes.PoolBlock.Bytes / VerityTree.BlockSize);

    [Fact]
    [Trait("Category", "Soak")]
    public async Task L_a_flipped_bit_on_the_SAN_is_an_error_of_that_block_and_an_alarm_and_the_node_lives_on()
    {
        await using var lab = await cluster.ForkAsync("rotten", [Lab.Lab["node01"].Options]);
        var (blade, san) = (lab.Lab["node01"], lab.Lab.San.BackingFile);
        var tree = OriginOnSan.Read(TestLab.ImageInfo).Verity!;
        var (file, blocks) = await OriginOnSan.LargestFileAsync(san, TestLab.ImageInfo, UnreadFolder);
        // A block of the pool that holds nothing but this file, so that nothing else was or will be written into it.
        var first = Enumerable.Range(0, blocks.Count - BlocksOfPool).First(i => blocks[i] % BlocksOfPool == 0 && blocks[i + BlocksOfPool - 1] == blocks[i] + BlocksOfPool - 1);
        var bad = first + 3;
        await OriginOnSan.FlipBitAsync(san, TestLab.ImageInfo, blocks[bad]);

        // With a damaged top of the tree nothing can be told from anything else: nothing of it is started.
        await OriginOnSan.FlipBitAsync(san, TestLab.ImageInfo, tree.HashStart);
        await blade.InsertAsync(Medium.UsbStick(TestLab.Iso));
        await blade.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync($"no block of it fits its root hash {tree.RootHash[..12]}", InstalledCluster.Deadline);
        Assert.DoesNotContain("root mounted", blade.ReadConsole(), StringComparison.Ordinal);
        await blade.PowerCutAsync();
        await OriginOnSan.FlipBitAsync(san, TestLab.ImageInfo, tree.HashStart);

        await StartAsync(lab, blade);
        Assert.Equal(OriginState.Verified, (await lab.Lab.ReportAsync(blade))!.Origin);
        await ReadAsync(lab, blade, file, bad);
        await Condition.WaitAsync("the alarm of node01", InstalledCluster.Deadline, async () => (await lab.Lab.ReportAsync(blade))?.Origin == OriginState.Corrupt);
        Assert.Contains("origin corrupt", await lab.OnNodeAsync(blade.Name, "virtualinux", "node", "status"), StringComparison.Ordinal);
        Assert.Single((await lab.OnNodeAsync(blade.Name, "sudo", "journalctl", "-b", "-u", "virtualinux-serve")).Split('\n'), l => l.Contains("ALARM: the origin on the SAN is corrupt", StringComparison.Ordinal));
        // Everything else is as it was built.
        await lab.OnNodeAsync(blade.Name, "sudo", "sh", "-c", $"find /usr/bin /usr/sbin /usr/lib/firmware /etc -xdev -type f ! -path {file} -exec cat {{}} + > /dev/null");

        await blade.PowerOffAsync(PowerOff);
        await StartAsync(lab, blade);
        await ReadAsync(lab, blade, file, bad);
        // Less than a block of the pool cannot be written, since the rest of it would have to be copied; the whole of it can.
        Assert.Contains("Input/output error", (await WriteAsync(lab, blade, file, bad, 1)).Error, StringComparison.Ordinal);
        var healed = await WriteAsync(lab, blade, file, first, BlocksOfPool);
        Assert.True(healed.ExitCode == 0, healed.Error);
        await lab.OnNodeAsync(blade.Name, "cmp", "-i", Bytes(first, ":0"), "-n", Bytes(BlocksOfPool), file, "/dev/zero");
        await lab.OnNodeAsync(blade.Name, "sh", "-c", $"cat {file} > /dev/null");
        Assert.Equal(cluster.Identities[blade.Name], await InstalledCluster.IdentityAsync(lab, blade.Name));
        await blade.PowerOffAsync(PowerOff);

        // The one root that wrote is healed; the origin that all share is what it was.
        await OriginOnSan.FlipBitAsync(san, TestLab.ImageInfo, blocks[bad]);
        await OriginOnSan.VerifyAsync(san, TestLab.ImageInfo);
    }

    private static async Task StartAsync(TestLab lab, Blade blade)
    {
        await blade.PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync([blade], InstalledCluster.Deadline)).Problem);
    }

    /// <summary>Reads a file on both sides of its bad block, and that.</summary>
    private static async Task ReadAsync(TestLab lab, Blade blade, string file, int bad)
    {
        await lab.OnNodeAsync(blade.Name, "dd", $"if={file}", "of=/dev/null", $"bs={Bytes(1)}", $"count={bad}");
        await lab.OnNodeAsync(blade.Name, "dd", $"if={file}", "of=/dev/null", $"bs={Bytes(1)}", $"skip={bad + 1}");
        var read = await lab.Lab.SshAsync(blade, ["dd", $"if={file}", "of=/dev/null", $"bs={Bytes(1)}", $"skip={bad}", "count=1"]);
        Assert.Equal(1, read.ExitCode);
        Assert.Contains("Input/output error", read.Error, StringComparison.Ordinal);
    }

    private static Task<Host.CommandResult> WriteAsync(TestLab lab, Blade blade, string file, int block, int count) =>
        lab.Lab.SshAsync(blade, ["sudo", "dd", "if=/dev/zero", $"of={file}", $"bs={Bytes(count)}", "count=1", $"seek={Bytes(block)}", "oflag=direct,seek_bytes", "conv=notrunc"]);

    private static string Bytes(int blocks, string end = "") => string.Create(CultureInfo.InvariantCulture, $"{(long)blocks * VerityTree.BlockSize}{end}");
}
