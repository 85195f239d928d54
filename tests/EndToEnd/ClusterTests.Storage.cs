using System.Text;
using System.Text.Json;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>What an administrator does with a node's volumes while the cluster runs.</summary>
public sealed partial class ClusterTests
{
    private const long FirstStore = 512 << 20, Written = 600 << 20;

    [Fact]
    public async Task B1_stores_of_two_nodes_that_fill_at_once_grow_while_they_are_written_and_the_ledger_agrees()
    {
        string[] nodes = ["node01", "node02"];
        var sums = await Task.WhenAll(nodes.Select(n => Lab.OnNodeAsync(n, "sudo", "sh", "-c", $"openssl rand {Written} | tee /srv/big | sha256sum && sync -f /srv")));
        for (var i = 0; i < nodes.Length; i++)
        {
            await Lab.OnNodeAsync(nodes[i], "sudo", "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
            Assert.Equal(sums[i], await Lab.OnNodeAsync(nodes[i], "sh", "-c", "sha256sum < /srv/big"));
        }
        // What nodes say of themselves is half a minute old at most.
        JsonElement ledger = default;
        Dictionary<string, JsonElement> volumes = [];
        await Condition.WaitAsync("the ledger to show what was written", InstalledCluster.Deadline, async () =>
        {
            ledger = JsonDocument.Parse(await Lab.OnNodeAsync("node03", "sudo", "virtualinux", "storage", "ledger", "--json")).RootElement;
            volumes = ledger.GetProperty("volumes").EnumerateArray().ToDictionary(v => v.GetProperty("name").GetString()!);
            return nodes.All(n => volumes[$"{n}_data"].TryGetProperty("used", out var used) && used.GetInt64() >= Written);
        });
        Assert.All(nodes, n => Assert.InRange(Number(volumes[$"{n}_data"], "size"), FirstStore + 1, 4 * FirstStore));
        Assert.Equal(FirstStore, Number(volumes["node03_data"], "size"));
        // 600 MiB of a root of 4 GiB, and what a boot writes.
        Assert.All(nodes, n => Assert.InRange(volumes[$"{n}_data"].GetProperty("unchanged").GetDouble(), 0.7, 0.86));
        Assert.InRange(volumes["node03_data"].GetProperty("unchanged").GetDouble(), 0.86, 1);
        Assert.Equal(Number(ledger, "size"), Number(ledger, "free") + volumes.Values.Sum(v => Number(v, "size")));
        Assert.Empty(ledger.GetProperty("silent").EnumerateArray());
    }

    [Fact]
    public async Task B2_a_node_that_is_reset_begins_from_the_image_and_keeps_what_lies_on_local()
    {
        var key = await Lab.OnNodeAsync("node02", "cat", "/local/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id");
        await Lab.OnNodeAsync("node02", "sudo", "sh", "-c", "echo x > /srv/gone && echo x > /local/kept && sync");
        var boot = await BootAsync(Lab, Lab.Lab["node02"]);
        await Lab.Lab.SshAsync(Lab.Lab["node02"], ["sudo", "virtualinux", "node", "reset", "--reboot"]);
        await Condition.WaitAsync("node02 to boot again", InstalledCluster.Deadline, async () =>
            await Lab.Lab.SshAsync(Lab.Lab["node02"], ["cat", "/proc/sys/kernel/random/boot_id"]) is { ExitCode: 0 } result && result.Output.Trim() != boot);
        Assert.Null((await Lab.Cluster.WaitForNodesAsync(Lab.Lab.Blades, InstalledCluster.Deadline)).Problem);
        Assert.Equal("x", await Lab.OnNodeAsync("node02", "cat", "/local/kept"));
        Assert.NotEqual(0, (await Lab.Lab.SshAsync(Lab.Lab["node02"], ["test", "-e", "/srv/gone"])).ExitCode);
        Assert.Equal(key, await Lab.OnNodeAsync("node02", "cat", "/local/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id"));
        // What the old root had taken is given back to the store: it was filled before.
        await Condition.WaitAsync("node02 to tell how full its store is", InstalledCluster.Deadline, async () =>
        {
            using var status = JsonDocument.Parse(await Lab.OnNodeAsync("node02", "sudo", "virtualinux", "node", "status", "--json"));
            return status.RootElement.TryGetProperty("store", out var store) && Number(store, "dataUsed") < FirstStore;
        });
    }

    [Fact]
    [Trait("Category", "Soak")]
    public async Task O_a_machine_leaves_the_running_site_again_and_its_volumes_grow_while_they_are_in_use()
    {
        await using var fork = await cluster.ForkAsync("changed");
        await fork.StartFromStickAsync("node01", "node02", "node03");
        await ChangeSiteAsync(fork, andBack: true);
    }

    /// <summary>A machine is added to the running site from one of its nodes; all take the manifest over, its volumes are there, and a second try changes nothing.</summary>
    private static async Task ChangeSiteAsync(TestLab fork, bool andBack = false)
    {
        var planned = fork.Lab.Blades[0].Options with { Name = "node04", Mac = MacAddress.Parse("52:54:00:77:00:44"), Ip = Ipv4Address.Parse("192.168.77.44") };
        var site = (await fork.Lab.SiteFilesAsync(new LabSiteOptions { Planned = [planned] }))["site.yaml"];
        await fork.OnNodeAsync("node03", "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(site))} | base64 -d > /tmp/site.yaml");
        string[] Site(params string[] arguments) => ["sudo", "virtualinux", "site", arguments[0], "--site", "/tmp/site.yaml", .. arguments[1..]];
        var difference = await fork.OnNodeAsync("node03", Site("diff"));
        Assert.StartsWith("node04 added: 52:54:00:77:00:44", difference, StringComparison.Ordinal);
        Assert.Matches(@"\nspace: [\d.]+ .iB needed, [\d.]+ .iB free, reserve [\d.]+ .iB", difference);
        var applied = await fork.OnNodeAsync("node03", Site("apply", "--yes"));
        foreach (var line in (string[])["manifest 2 is committed", "node01: has it", "node02: has it", "node03: has it", "not yet: node04"]) Assert.Contains(line, applied, StringComparison.Ordinal);
        Assert.StartsWith("nothing changes", await fork.OnNodeAsync("node02", "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(site))} | base64 -d > /tmp/site.yaml; sudo virtualinux site apply --site /tmp/site.yaml"), StringComparison.Ordinal);
        Assert.Contains("node04_local", await fork.OnNodeAsync("node01", "sudo", "virtualinux", "storage", "ledger"), StringComparison.Ordinal);
        Assert.Contains("192.168.77.44", await fork.OnNodeAsync("node02", "getent", "hosts", "node04.lab.internal"), StringComparison.Ordinal);

        if (!andBack) return;
        // A backup needs nothing of a node that never came, and does not pack itself.
        Assert.Contains("node04     without its local volume", await fork.OnNodeAsync("node03", "sudo", "virtualinux", "backup", "create", "/srv/planned.tar"), StringComparison.Ordinal);
        Assert.Contains("lies on /local", await FailAsync(fork, "node03", "backup", "create", "/local/planned.tar"), StringComparison.Ordinal);
        Assert.Contains("192.168.77.99 is no node of site lab", await FailAsync(fork, "node03", "node", "fence", "192.168.77.99", "--powered-off"), StringComparison.Ordinal);

        // It goes again before it ever came, and the volumes of the others grow while they are in use.
        var before = await SizesAsync(fork, "node01");
        var later = (await fork.Lab.SiteFilesAsync(new LabSiteOptions { Root = ByteSize.FromMiB(4096 + 256), Local = ByteSize.FromMiB(512 + 256) }))["site.yaml"];
        await fork.OnNodeAsync("node03", "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(later))} | base64 -d > /tmp/site.yaml");
        Assert.Contains("node04 does not answer, and this SAN can shut nobody out", await FailAsync(fork, "node03", Site("apply", "--yes")[2..]), StringComparison.Ordinal);
        await fork.OnNodeAsync("node03", "sudo", "virtualinux", "node", "fence", "node04", "--powered-off");
        var gone = await fork.OnNodeAsync("node03", Site("apply", "--yes"));
        foreach (var line in (string[])["node04 removed", "volumes: root", "volumes: local", "manifest 3 is committed", "node01: has it", "node02: has it", "node03: has it"]) Assert.Contains(line, gone, StringComparison.Ordinal);
        await Condition.WaitAsync("root and local of node01 to grow", InstalledCluster.Deadline, async () => await SizesAsync(fork, "node01") is var now && now.Root - before.Root > 200 << 20 && now.Local - before.Local > 200 << 20);
        Assert.Contains("node04_local deleted", await fork.OnNodeAsync("node02", "sudo", "virtualinux", "storage", "delete", "node04_local", "--powered-off"), StringComparison.Ordinal);
        Assert.Contains("still answers; switch the machine off first", await FailAsync(fork, "node03", "node", "replace", "node01", "52:54:00:77:00:77"), StringComparison.Ordinal);
        Assert.Contains("is the node that this runs on", await FailAsync(fork, "node03", "node", "replace", "node03", "52:54:00:77:00:77"), StringComparison.Ordinal);
    }

    private static async Task<(long Root, long Local)> SizesAsync(TestLab lab, string node) =>
        (await lab.OnNodeAsync(node, "df", "--output=size", "-B1", "/", "/local")).Split('\n')[1..].Select(l => long.Parse(l, System.Globalization.CultureInfo.InvariantCulture)).ToList() is [var root, var local] ? (root, local) : default;

    private static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64();
}
