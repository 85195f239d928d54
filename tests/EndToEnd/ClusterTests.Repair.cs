using VirtuaLinux.Lab;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.EndToEnd;

/// <summary>What was damaged on the SAN by hand, and is mended by the one node that runs.</summary>
public sealed partial class ClusterTests
{
    [Fact, Trait("Category", "Soak")]
    public async Task R_damaged_metadata_of_the_volume_group_and_a_damaged_lease_are_refused_with_the_command_that_mends_them()
    {
        await using var fork = await cluster.ForkAsync("repair", san: SanKind.Lio);
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        Task<string> DoAsync(string command) => fork.OnNodeAsync("node01", "sudo", "sh", "-c", command);
        Task<string> RefusedAsync(string command) => FailAsync(fork, "node01", command.Split(' '));
        const string backup = "/srv/site.tar", repair = $"storage repair --from {backup} --yes", lease = "storage repair --block lease --yes";
        await DoAsync($"virtualinux backup create {backup}");
        // The site is newer than its backup.
        await GrowAsync(fork, "node01");
        await DoAsync("echo kept > /srv/kept && sync -f /srv");
        var volumes = await VolumesAsync(fork);

        // The header of LVM's metadata area, behind the label.
        await DoAsync($"dd if=/dev/zero of=/dev/disk/by-partlabel/{SanLayout.PartitionNames[2]} bs=4096 seek=1 count=1 oflag=direct");
        Assert.Contains("storage repair", await RefusedAsync("storage ledger"), StringComparison.Ordinal);
        Assert.Contains("node02", await RefusedAsync(repair), StringComparison.Ordinal);
        await fork.Lab["node02"].PowerOffAsync(PowerOff);
        Assert.Contains("virtualinux node fence node02", await RefusedAsync(repair), StringComparison.Ordinal);
        await DoAsync("virtualinux node fence node02");
        Assert.Contains("what LVM wrote before", await DoAsync($"virtualinux {repair}"), StringComparison.Ordinal);
        Assert.Equal(volumes, await VolumesAsync(fork));
        Assert.Contains("nothing to repair", await RefusedAsync(repair), StringComparison.Ordinal);

        await DoAsync($"dd if=/dev/urandom of=/dev/disk/by-partlabel/{SanLayout.PartitionNames[1]} bs=512 seek={SanLayout.OffsetOf(SharedBlock.Lease) / 512} count=1 oflag=direct");
        Assert.Contains("virtualinux storage repair --block lease", await RefusedAsync("storage grow 4GiB"), StringComparison.Ordinal);
        Assert.Contains("is empty", await DoAsync($"virtualinux {lease}"), StringComparison.Ordinal);
        Assert.Contains("nothing to repair", await RefusedAsync(lease), StringComparison.Ordinal);

        await DoAsync("virtualinux node unfence node02");
        await fork.Lab["node02"].PowerOnAsync();
        Assert.Null((await fork.Cluster.WaitForNodesAsync([fork.Lab["node01"], fork.Lab["node02"]], InstalledCluster.Deadline)).Problem);
        foreach (var node in (string[])["node01", "node02"]) await GrowAsync(fork, node);
        Assert.Equal("kept", await DoAsync("cat /srv/kept"));
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static async Task<IReadOnlyList<(string?, long)>> VolumesAsync(TestLab fork) =>
        [.. (await LedgerAsync(fork)).GetProperty("volumes").EnumerateArray().Select(v => (v.GetProperty("name").GetString(), Number(v, "size")))];
}
