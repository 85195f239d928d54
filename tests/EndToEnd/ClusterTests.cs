using System.Text.Json;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>One cluster: installed and used; then its SAN is forked, dark, for each scenario that hurts it, so that these do not depend on each other.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed partial class ClusterTests(InstalledCluster cluster) : IClassFixture<InstalledCluster>
{
    private static readonly string[] Services = ["virtualinux-serve", "ssh", "chrony", "unbound"];

    private static readonly TimeSpan PowerOff = TimeSpan.FromMinutes(4);

    private TestLab Lab => cluster.Lab;

    [Fact]
    public void A_two_BIOS_blades_and_one_UEFI_blade_come_up_from_the_ISO_and_no_master_is_left()
    {
        Assert.Null(cluster.Result.Problem);
        Assert.Equal(["BIOS", "BIOS", "UEFI"], cluster.Result.Nodes.Select(n => n.Node!.Firmware));
        Assert.All(cluster.Result.Nodes, n => Assert.Equal(("up", "node", "network"), (n.Node!.State, n.Node.Role, n.Node.BootedFrom)));
        Assert.Single(cluster.Result.Nodes.Select(n => n.Node!.ImageVersion).Distinct());
        Assert.DoesNotContain(Lab.Lab["node01"].State.Media, m => m.Kind == MediumKind.Cdrom);
    }

    [Fact]
    public async Task B0_every_node_runs_the_same_services()
    {
        foreach (var blade in Lab.Lab.Blades)
        {
            // Up means that it boots others; the rest of the boot may still be under way.
            await Lab.OnNodeAsync(blade.Name, "sh", "-c", "systemctl is-system-running --wait || true");
            Assert.Equal(Enumerable.Repeat("active", Services.Length), (await Lab.OnNodeAsync(blade.Name, ["systemctl", "is-active", .. Services])).Split('\n'));
            Assert.Equal(blade.Name, await Lab.OnNodeAsync(blade.Name, "hostname"));
            Assert.Contains(blade.Options.Ip.ToString(), await Lab.OnNodeAsync(blade.Name, "getent", "hosts", $"{blade.Name}.lab.internal"), StringComparison.Ordinal);
        }
        await Lab.OnNodeAsync("node02", "sudo", "systemctl", "restart", "virtualinux-serve");
        var log = await Lab.OnNodeAsync("node02", "sudo", "journalctl", "-b", "-u", "virtualinux-serve");
        Assert.Contains("stopped", log, StringComparison.Ordinal);
        Assert.DoesNotContain("SIGKILL", log, StringComparison.Ordinal);
        foreach (var blade in Lab.Lab.Blades)
        {
            Assert.StartsWith("@iscsid", await Lab.OnNodeAsync(blade.Name, "sudo", "sh", "-c", "ps -o args= -p $(cat /run/iscsid.pid)"), StringComparison.Ordinal);
            Assert.Equal("/dev/mapper/vl-root", await Lab.OnNodeAsync(blade.Name, "findmnt", "-no", "SOURCE", "/"));
            // Nothing of the metamaster is left: every node has its one address and no other.
            Assert.Equal(["127.0.0.1/8", $"{blade.Options.Ip}/24"], (await Lab.OnNodeAsync(blade.Name, "sh", "-c", "ip -4 -o addr | awk '{print $4}'")).Split('\n'));
        }
    }

    [Fact]
    public async Task B_a_file_of_one_node_is_not_seen_on_another_and_the_origin_is_unchanged()
    {
        await Lab.OnNodeAsync("node02", "sudo", "sh", "-c", "echo mine > /srv/only-on-node02; sync");
        Assert.Equal("mine", await Lab.OnNodeAsync("node02", "cat", "/srv/only-on-node02"));
        Assert.NotEqual(0, (await Lab.Lab.SshAsync(Lab.Lab["node03"], ["test", "-e", "/srv/only-on-node02"])).ExitCode);
        await OriginOnSan.VerifyAsync(Lab.Lab.San.BackingFile, TestLab.ImageInfo);
    }

    [Fact]
    public async Task C_F_after_a_blackout_the_stick_in_one_blade_brings_all_back_unasked_and_then_any_survivor_boots_any_other()
    {
        await using var fork = await cluster.ForkAsync("survivors");
        var (first, second, third) = (fork.Lab["node01"], fork.Lab["node02"], fork.Lab["node03"]);
        await fork.StartFromStickAsync("node02", "node01", "node03");
        Assert.DoesNotContain("PLAN", second.ReadConsole(), StringComparison.Ordinal);
        foreach (var (node, identity) in cluster.Identities) Assert.Equal(identity, await InstalledCluster.IdentityAsync(fork, node));
        foreach (var (written, steps) in cluster.Written) await written.CompareAsync(fork, written.Blade.Name, steps);

        // The former metamaster goes, and a node starts without it.
        await first.PowerOffAsync(PowerOff);
        Assert.Contains("Power down", first.ReadConsole(), StringComparison.Ordinal);
        var loaded = await LoadedNode.StartAsync(fork, "node03", new StreamLoad(Random.Shared), new PagesLoad(Random.Shared));
        foreach (var node in (string[])["node02", "node03"]) await GrowAsync(fork, node, Unwaited);
        await third.PowerCutAsync();
        var acknowledged = loaded.Acknowledged();
        await third.PowerOnAsync();
        // The SAN fails when nothing of the root runs yet that could bring it back.
        await fork.Cluster.FollowAsync(third, "root mounted: node03", InstalledCluster.Deadline);
        await fork.Lab.San.StopAsync();
        await fork.Lab.San.StartAsync();
        var survivors = await fork.Cluster.WaitForNodesAsync([second, third], InstalledCluster.Deadline);
        Assert.Null(survivors.Problem);
        Assert.Equal($"{second.Options.Ip}:80", survivors.Nodes.Single(n => n.Name == "node03").Node!.Server);
        await loaded.CompareAsync(fork, "node03", acknowledged);
        // Whoever had the lease of the volume group when it died has given it back by booting.
        foreach (var node in (string[])["node02", "node03"]) await GrowAsync(fork, node);
        var ledger = JsonDocument.Parse(await fork.OnNodeAsync("node02", "sudo", "virtualinux", "storage", "ledger", "--json")).RootElement;
        Assert.Equal(Number(ledger, "size"), Number(ledger, "free") + ledger.GetProperty("volumes").EnumerateArray().Sum(v => Number(v, "size")));

        Assert.Empty(first.State.Media);
        await first.PowerOnAsync();
        var all = await fork.Cluster.WaitForNodesAsync(fork.Lab.Blades, InstalledCluster.Deadline);
        Assert.Null(all.Problem);
        Assert.Equal("network", all.Nodes.Single(n => n.Name == "node01").Node!.BootedFrom);
        await ChangeSiteAsync(fork);
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }
}
