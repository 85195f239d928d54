using System.Text;
using System.Text.Json;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>No space anywhere.</summary>
public sealed partial class ClusterTests
{
    private const long Room = 256 << 20, MoreThanThereIs = 1000 << 20;

    [Fact, Trait("Category", "Soak")]
    public async Task Q_a_store_that_is_full_with_no_room_left_anywhere_waits_and_says_so_and_goes_on_when_it_gets_some()
    {
        await using var fork = await cluster.ForkAsync("brim");
        await fork.StartFromStickAsync("node01", "node02");
        var ledger = await LedgerAsync(fork);
        var local = ledger.GetProperty("volumes").EnumerateArray().First(v => v.GetProperty("name").GetString() == "node01_local");
        var more = (Number(ledger, "free") - Number(ledger, "reserve") - Room) / fork.Lab.Blades.Count;
        var site = (await fork.Lab.SiteFilesAsync(new LabSiteOptions { Local = ByteSize.FromMiB((Number(local, "size") + more) >> 20) }))["site.yaml"];
        await fork.OnNodeAsync("node01", "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(site))} | base64 -d > /tmp/site.yaml");
        await fork.OnNodeAsync("node01", "sudo", "virtualinux", "site", "apply", "--site", "/tmp/site.yaml", "--yes");

        await fork.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "sh", "-c", $"openssl rand {MoreThanThereIs} | tee /srv/big | sha256sum > /local/big.sum; sync -f /srv; touch /local/big.done");
        await WaitForLevelAsync(fork, "full");
        Assert.Contains("Writes wait", await fork.OnNodeAsync("node02", "sudo", "journalctl", "-b", "-u", "virtualinux-guard"), StringComparison.Ordinal);
        Assert.Contains("FULL, writes wait", await fork.OnNodeAsync("node02", "sudo", "virtualinux", "node", "status"), StringComparison.Ordinal);
        Assert.NotEqual(0, (await fork.RunOnNodeAsync("node02", "test", "-e", "/local/big.done")).ExitCode);

        await fork.OnNodeAsync("node02", "sudo", "virtualinux", "storage", "grow", "2GiB");
        await Condition.WaitAsync("the writes to go on", InstalledCluster.Deadline, async () => (await fork.RunOnNodeAsync("node02", "test", "-e", "/local/big.done")).ExitCode == 0);
        await fork.OnNodeAsync("node02", "sudo", "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
        Assert.Equal(await fork.OnNodeAsync("node02", "cat", "/local/big.sum"), await fork.OnNodeAsync("node02", "sh", "-c", "sha256sum < /srv/big"));
        await WaitForLevelAsync(fork, "enough");
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    /// <summary>Until node02 says it to whoever asks.</summary>
    private static Task WaitForLevelAsync(TestLab fork, string level) =>
        Condition.WaitAsync($"the store of node02 to be at '{level}'", InstalledCluster.Deadline, async () => (await fork.Lab.StatusAsync()).Single(s => s.Name == "node02").Node?.Store?.Level == level);

    private static async Task<JsonElement> LedgerAsync(TestLab fork) =>
        JsonDocument.Parse(await fork.OnNodeAsync("node01", "sudo", "virtualinux", "storage", "ledger", "--json")).RootElement;
}
