using System.Globalization;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>A site on an NVMe/TCP SAN, over two networks.</summary>
public sealed class NvmeTests
{
    [Fact, Trait("Category", "Soak")]
    public async Task A_site_lives_on_nvme_over_tcp_and_lost_paths_are_pauses()
    {
        await using var lab = await TestLab.CreateAsync("nvme", [Firmware.Bios, Firmware.Bios], networks: 2, kind: SanKind.Nvmet);
        var result = await lab.Cluster.RunAsync(Medium.UsbStick(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline);
        Assert.Null(result.Problem);
        Assert.Equal("network", result.Nodes.Single(n => n.Name == "node02").Node!.BootedFrom);
        foreach (var node in (string[])["node01", "node02"])
        {
            await WaitForPathsAsync(lab, node, 2);
            Assert.Equal("0", await lab.OnNodeAsync(node, "sh", "-c", "ls -d /sys/class/iscsi_session/* /run/virtualinux/multipath 2>/dev/null | wc -l"));
            Assert.Equal("uuid.60000000-0000-4000-8000-00000000ab00", await lab.OnNodeAsync(node, "cat", "/sys/class/block/nvme0n1/wwid"));
        }
        // It has no reservations, and says so.
        Assert.Contains("this SAN can shut nobody out", lab.Lab["node02"].ReadConsole(), StringComparison.Ordinal);

        var boot = await PathTests.BootAsync(lab);
        await PathTests.StartLoadAsync(lab);
        await PathTests.LosePathsAsync(lab, (l, count) => WaitForPathsAsync(l, "node01", count));
        await PathTests.EndLoadAsync(lab);
        Assert.Equal(boot, await PathTests.BootAsync(lab));

        // A path that is not there at boot is no obstacle, and is used when it comes.
        await lab.Lab["node01"].PullCableAsync(2);
        await PathTests.RebootAsync(lab, boot);
        await WaitForPathsAsync(lab, "node01", 1);
        await lab.Lab["node01"].PlugCableAsync(2);
        await WaitForPathsAsync(lab, "node01", 2);
        await PathTests.SeeThatAllIsThereAsync(lab);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static Task WaitForPathsAsync(TestLab lab, string node, int count) =>
        Condition.WaitAsync($"{count} paths of {node} in use", InstalledCluster.Deadline, async () =>
            (await lab.OnNodeAsync(node, "sh", "-c", "cat /sys/class/nvme/nvme*/state | grep -cx live || true")) == count.ToString(CultureInfo.InvariantCulture));
}
