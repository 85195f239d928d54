using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>What an array does in years, below a site that runs.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed class SanLifeTests
{
    private const long FirstStore = 512 << 20, GiB = 1 << 30;

    [Fact, Trait("Category", "Soak")]
    public async Task The_array_grows_its_LUN_and_gives_a_second_one_and_nodes_grow_onto_both_and_are_fenced_on_both()
    {
        await using var lab = await TestLab.CreateAsync("sanlife", [Firmware.Bios, Firmware.Bios], ByteSize.FromGiB(8), kind: SanKind.Lio);
        Assert.Null((await lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline)).Problem);
        var (before, _) = await LedgerAsync(lab, "node01");
        Assert.Contains("nothing to extend", await ExtendAsync(lab, "node02"), StringComparison.Ordinal);

        await lab.Lab.San.ResizeAsync(ByteSize.FromGiB(9));
        Assert.Contains("was grown to", await ExtendAsync(lab, "node02"), StringComparison.Ordinal);
        var (grown, free) = await LedgerAsync(lab, "node01");
        Assert.Equal(before + GiB, grown);

        await lab.Lab.San.AddLunAsync(ByteSize.FromGiB(3));
        var wwid = (await ExtendAsync(lab, "node01")).Split('\n').Single(l => l.StartsWith("not the site's: LUN ", StringComparison.Ordinal)).Split(' ')[4];
        // On either node it may have another name.
        var second = $"d=/dev/$(grep -l {wwid} /sys/class/block/sd*/device/wwid | cut -d/ -f5)";
        await lab.OnNodeAsync("node01", "sudo", "sh", "-c", $"{second}; echo payroll | dd of=$d bs=512 seek=5 conv=fsync");
        var refused = await lab.Lab.SshAsync(lab.Lab["node01"], ["sudo", "virtualinux", "storage", "extend", "--add", wwid, "--yes"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("is not empty: data of no kind that we know in its first MiB (byte 2560)", refused.Error, StringComparison.Ordinal);
        await lab.OnNodeAsync("node01", "sudo", "sh", "-c", $"{second}; blkdiscard --zeroout --length 1MiB $d");
        Assert.Contains("joins the volume group", await ExtendAsync(lab, "node01", "--add", wwid), StringComparison.Ordinal);
        Assert.InRange((await LedgerAsync(lab, "node02")).Size, grown + 2 * GiB, grown + 3 * GiB);
        await Condition.WaitAsync("both nodes to be registered with the second LUN", InstalledCluster.Deadline, async () => await KeysAsync(lab, second) == 2);

        // The store takes what is left of the first LUN, and goes on on the second.
        var size = string.Create(CultureInfo.InvariantCulture, $"{(FirstStore + free + GiB) >> 20}MiB");
        await lab.OnNodeAsync("node02", "sudo", "virtualinux", "storage", "grow", size);
        var sum = await lab.OnNodeAsync("node02", "sudo", "sh", "-c", "openssl rand 100000000 | tee /srv/written | sha256sum && sync -f /srv");
        Assert.Equal(2, (await lab.OnNodeAsync("node02", "sudo", "sh", "-c", "dmsetup table vl-data | cut -d' ' -f4 | cut -d: -f1,2 | sort -u")).Split('\n').Length);

        // It boots with both LUNs.
        await lab.Lab["node02"].PowerCutAsync();
        await lab.Lab["node02"].PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync([lab.Lab["node02"]], InstalledCluster.Deadline)).Problem);
        Assert.Equal(sum, await lab.OnNodeAsync("node02", "sh", "-c", "sha256sum < /srv/written"));

        // Fencing needs no volume group: its metadata are away while it is done.
        const string group = "p=/dev/disk/by-partlabel/VL-VG";
        await lab.OnNodeAsync("node01", "sudo", "sh", "-c", $"{group}; dd if=$p of=/local/head bs=1M count=2 && sync && dd if=/dev/zero of=$p bs=1M count=2 oflag=direct && blockdev --flushbufs $p");
        Assert.NotEqual(0, (await lab.Lab.SshAsync(lab.Lab["node01"], ["sudo", "virtualinux", "storage", "ledger"])).ExitCode);
        Assert.Contains("node02 is fenced", await lab.OnNodeAsync("node01", "sudo", "virtualinux", "node", "fence", "node02"), StringComparison.Ordinal);
        Assert.Equal(1, await KeysAsync(lab, second));
        await lab.OnNodeAsync("node01", "sudo", "sh", "-c", $"{group}; dd if=/local/head of=$p bs=1M oflag=direct && blockdev --flushbufs $p && virtualinux storage ledger");
    }

    private static Task<string> ExtendAsync(TestLab lab, string node, params string[] more) => lab.OnNodeAsync(node, ["sudo", "virtualinux", "storage", "extend", "--yes", .. more]);

    private static async Task<int> KeysAsync(TestLab lab, string disk) =>
        (await lab.OnNodeAsync("node01", "sudo", "sh", "-c", $"{disk}; sg_persist --in --read-keys $d")).Split('\n').Count(l => l.Trim().StartsWith("0x564c", StringComparison.Ordinal));

    private static async Task<(long Size, long Free)> LedgerAsync(TestLab lab, string node)
    {
        using var ledger = JsonDocument.Parse(await lab.OnNodeAsync(node, "sudo", "virtualinux", "storage", "ledger", "--json"));
        return (ledger.RootElement.GetProperty("size").GetInt64(), ledger.RootElement.GetProperty("free").GetInt64());
    }
}
