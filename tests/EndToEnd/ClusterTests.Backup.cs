using VirtuaLinux.Host;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>The array is gone, and what is left is the backup of the site that stood on it.</summary>
public sealed partial class ClusterTests
{
    [Fact, Trait("Category", "Soak")]
    public async Task P_a_site_comes_back_from_its_backup_on_an_empty_array_with_all_that_lay_on_local()
    {
        await using var lab = await cluster.ForkAsync("backup", san: SanKind.Lio);
        await lab.StartFromStickAsync("node01", "node02", "node03");
        var sums = new Dictionary<string, string>();
        foreach (var node in (string[])["node01", "node02", "node03"]) sums[node] = await lab.OnNodeAsync(node, "sudo", "sh", "-c", "openssl rand 8000000 | tee /local/kept | sha256sum && chown 1234:5678 /local/kept && sync -f /local/kept");

        // node03 loses its power, and is shut out: its volume is read as it was left, with what is in its journal only.
        await lab.Lab["node03"].PowerCutAsync();
        await lab.OnNodeAsync("node02", "sudo", "virtualinux", "node", "fence", "node03");
        var backup = Path.Combine(lab.Lab.Options.StateDirectory, "site.tar");
        Assert.Equal(1, (await lab.RunOnNodeAsync("node02", "sudo", "virtualinux", "backup", "create", "/nowhere/site.tar")).ExitCode);
        // While files are read, others change the volume group and the site: what reads them stands still meanwhile.
        await lab.OnNodeAsync("node02", "sudo", "sh", "-c", "openssl rand 200000000 > /local/large && sync -f /local");
        await lab.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "--unit=hold", "sh", "-c", "until pkill -STOP -x tar; do :; done");
        await lab.OnNodeAsync("node02", "sudo", "systemd-run", "--quiet", "--unit=backup", "virtualinux", "backup", "create", "/srv/site.tar");
        await Condition.WaitAsync("the backup to read the files of node02", InstalledCluster.Deadline, async () =>
        {
            Assert.Equal("active", await lab.OnNodeAsync("node02", "sh", "-c", "systemctl is-active backup || sudo journalctl -u backup"));
            return (await lab.RunOnNodeAsync("node02", "systemctl", "is-active", "--quiet", "hold")).ExitCode != 0;
        });
        await lab.OnNodeAsync("node01", "sudo", "virtualinux", "image", "pin", VersionOf(TestLab.ImageInfo));
        await lab.OnNodeAsync("node02", "sudo", "pkill", "-CONT", "-x", "tar");
        await Condition.WaitAsync("the backup", InstalledCluster.Deadline, async () => (await lab.RunOnNodeAsync("node02", "systemctl", "is-active", "--quiet", "backup")).ExitCode != 0);
        Assert.Equal("600", await lab.OnNodeAsync("node02", "stat", "--format=%a", "/srv/site.tar"));
        await File.WriteAllBytesAsync(backup, Convert.FromBase64String(await lab.OnNodeAsync("node02", "sudo", "base64", "--wrap=0", "/srv/site.tar")));
        Assert.Equal(cluster.Identities.Keys.Order(), await VerifyAsync(backup, expected: 0));
        var damaged = Path.ChangeExtension(backup, ".damaged.tar");
        var bytes = await File.ReadAllBytesAsync(backup);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(damaged, bytes);
        await VerifyAsync(damaged, expected: 1);

        // The array is gone, another one is empty, and a damaged backup leaves it so.
        foreach (var blade in lab.Lab.Blades)
        {
            await blade.PowerCutAsync();
            await blade.RemoveMediaAsync();
        }
        await EmptyAsync(lab);
        var metamaster = lab.Lab["node01"];
        var mark = await RestoreAsync(lab, metamaster, damaged);
        await metamaster.WaitForConsoleAsync("Press Enter to start again", InstalledCluster.Deadline, mark);
        Assert.Equal(0, (await lab.Lab.San.AllocatedAsync()).Bytes);
        await metamaster.PowerCutAsync();
        await metamaster.RemoveMediaAsync();

        mark = await RestoreAsync(lab, metamaster, backup);
        await metamaster.WaitForConsoleAsync("is restored up to its volumes", InstalledCluster.Deadline, mark);
        await metamaster.WaitForConsoleAsync(ClusterInstallation.PeersMayStart, InstalledCluster.Deadline, mark);
        var peers = lab.Lab.Blades.Skip(1).ToList();
        foreach (var peer in peers) await peer.PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, InstalledCluster.Deadline)).Problem);
        foreach (var (node, sum) in sums)
        {
            Assert.Equal(sum, await lab.OnNodeAsync(node, "sh", "-c", "sha256sum < /local/kept"));
            Assert.Equal("1234:5678", await lab.OnNodeAsync(node, "stat", "--format=%u:%g", "/local/kept"));
        }
        // Each is who it was; its root is a new one.
        foreach (var node in cluster.Identities.Keys)
        {
            Assert.Equal(cluster.Identities[node].Split('\n')[0], await lab.OnNodeAsync(node, "cat", "/local/ssh/ssh_host_ed25519_key.pub"));
            Assert.Equal(1, (await lab.RunOnNodeAsync(node, "test", "-e", "/srv/mine")).ExitCode);
        }
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    private static async Task EmptyAsync(TestLab lab)
    {
        await lab.Lab.San.StopAsync();
        await using (var lun = File.OpenWrite(lab.Lab.San.BackingFile))
        {
            var size = lun.Length;
            lun.SetLength(0);
            lun.SetLength(size);
        }
        foreach (var file in Directory.GetFiles(Path.Combine(Path.GetDirectoryName(lab.Lab.San.BackingFile)!, "san/reservations"))) File.Delete(file);
        await lab.Lab.San.StartAsync();
    }

    /// <summary>Starts the installer with a backup, and asks it to restore that.</summary>
    private static async Task<long> RestoreAsync(TestLab lab, Blade metamaster, string backup)
    {
        await metamaster.InsertAsync(Medium.UsbStick(TestLab.Iso));
        await metamaster.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions { Install = false, Backup = backup }));
        await metamaster.PowerOnAsync();
        await metamaster.WaitForConsoleAsync("'restore' to bring the site back from backup.tar", InstalledCluster.Deadline);
        var mark = metamaster.ConsoleLength;
        await metamaster.SendAsync("restore\r");
        return mark;
    }

    /// <summary>What <c>backup verify</c> says of a file on a machine that has nothing to do with the site: the nodes in it.</summary>
    private static async Task<IReadOnlyList<string>> VerifyAsync(string backup, int expected)
    {
        var program = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "artifacts/publish/virtualinux");
        var result = await new CommandRunner().RunAsync(ExternalCommand.Of(program, "backup", "verify", backup).Accepting(expected));
        return [.. result.Output.Split('\n').SelectMany(l => l.Split(' ')).Where(w => w.StartsWith("node", StringComparison.Ordinal) && w.Length == 6)];
    }
}
