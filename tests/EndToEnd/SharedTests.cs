using System.Globalization;
using System.Text;
using System.Text.Json;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>The volume that all nodes share outlives the node that serves it.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed class SharedTests
{
    private const int Some = 20;

    private static readonly TimeSpan PowerOff = TimeSpan.FromMinutes(4);

    // Each number is forced to the server's disk, and then acknowledged in this node's memory.
    private const string Numbers = "i=0; while :; do i=$((i+1)); echo $i >> /shared/numbers && sync /shared/numbers && echo $i > /run/acknowledged.new && mv /run/acknowledged.new /run/acknowledged || exit 1; sleep 0.2; done";

    [Fact, Trait("Category", "Soak")]
    public async Task The_node_that_serves_it_loses_its_power_and_another_one_goes_on_with_all_that_was_acknowledged_and_with_every_lock()
    {
        await using var lab = await TestLab.CreateAsync("shared", [Firmware.Bios, Firmware.Bios, Firmware.Bios], kind: SanKind.Lio);
        Assert.Null((await lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions { Shared = ByteSize.FromMiB(512) }, InstalledCluster.Deadline)).Problem);
        foreach (var blade in lab.Lab.Blades) await WaitForMountAsync(lab, blade.Name);
        var holder = (await HolderAsync(lab, "node01"))!;
        var (client, third) = lab.Lab.Blades.Select(b => b.Name).Where(n => n != holder).ToArray() is [var a, var b] ? (a, b) : throw new InvalidOperationException();
        Console.Error.WriteLine($"shared: {holder} serves, {client} writes, {third} is left");

        // It grows while it is in use.
        var before = await SizeAsync(lab, client);
        var site = (await lab.Lab.SiteFilesAsync(new LabSiteOptions { Shared = ByteSize.FromMiB(768) }))["site.yaml"];
        await lab.OnNodeAsync(client, "sh", "-c", $"echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(site))} | base64 -d > /tmp/site.yaml; sudo virtualinux site apply --site /tmp/site.yaml --yes");
        await Condition.WaitAsync("the shared volume to be larger", InstalledCluster.Deadline, async () => await SizeAsync(lab, client) > before + 100);

        // The client itself does not serve, so that the third node has to.
        await lab.OnNodeAsync(client, "sudo", "systemctl", "stop", "virtualinux-shared");
        await lab.OnNodeAsync(client, "sudo", "systemd-run", "--quiet", "--unit=locker", "flock", "/shared/lock", "sleep", "infinity");
        await lab.OnNodeAsync(client, "sudo", "systemd-run", "--quiet", "--unit=numbers", "sh", "-c", Numbers);
        await WaitForNumberAsync(lab, client, Some);
        await SeeThatLockIsHeldAsync(lab, third);

        await lab.Lab[holder].PowerCutAsync();
        var acknowledged = await AcknowledgedAsync(lab, client);
        await Condition.WaitAsync($"{third} to serve", InstalledCluster.Deadline, async () => await HolderAsync(lab, client) == third);
        await WaitForNumberAsync(lab, client, acknowledged + Some);
        Assert.Equal("active\nactive", await lab.OnNodeAsync(client, "systemctl", "is-active", "numbers", "locker"));
        await SeeThatLockIsHeldAsync(lab, third);
        await SeeThatAllIsThereAsync(lab, client, third);
        Assert.Contains("is shut out of the SAN", await lab.OnNodeAsync(third, "sudo", "journalctl", "-b", "-u", "virtualinux-shared"), StringComparison.Ordinal);

        // It returns unasked, as a client.
        await lab.Lab[holder].PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync([lab.Lab[holder]], InstalledCluster.Deadline)).Problem);
        await WaitForMountAsync(lab, holder);
        Assert.Equal(third, await HolderAsync(lab, holder));
        await SeeThatLockIsHeldAsync(lab, holder);

        // Who shuts down hands over: nobody waits for a lease to end, and nobody is shut out.
        await lab.Lab[third].PowerOffAsync(PowerOff);
        Assert.DoesNotContain("Failed unmounting", lab.Lab[third].ReadConsole(), StringComparison.Ordinal);
        await Condition.WaitAsync($"{holder} to serve again", InstalledCluster.Deadline, async () => await HolderAsync(lab, client) == holder);
        await WaitForNumberAsync(lab, client, await AcknowledgedAsync(lab, client) + Some);
        Assert.DoesNotContain("is shut out of the SAN", await lab.OnNodeAsync(holder, "sudo", "journalctl", "-b", "-u", "virtualinux-shared"), StringComparison.Ordinal);
        Assert.Equal("active\nactive", await lab.OnNodeAsync(client, "systemctl", "is-active", "numbers", "locker"));
        await SeeThatAllIsThereAsync(lab, client, holder);
        Assert.Equal("", await lab.OnNodeAsync(holder, "sudo", "sh", "-c", "dmesg | grep -E 'EXT4-fs error|Remounting filesystem' || true"));
    }

    private static Task WaitForMountAsync(TestLab lab, string node) =>
        Condition.WaitAsync($"{node} to mount the shared volume", InstalledCluster.Deadline, async () => await lab.OnNodeAsync(node, "sh", "-c", "grep -c ' /shared nfs4 ' /proc/mounts || true") == "1");

    private static async Task<string?> HolderAsync(TestLab lab, string node)
    {
        using var status = JsonDocument.Parse(await lab.OnNodeAsync(node, "sudo", "virtualinux", "storage", "shared", "--json"));
        return status.RootElement.TryGetProperty("holder", out var holder) ? holder.GetString() : null;
    }

    private static async Task<int> SizeAsync(TestLab lab, string node) =>
        int.Parse(await lab.OnNodeAsync(node, "sh", "-c", "df --output=size -BM /shared | tail -1 | tr -dc 0-9"), CultureInfo.InvariantCulture);

    private static async Task<int> AcknowledgedAsync(TestLab lab, string client) =>
        int.Parse(await lab.OnNodeAsync(client, "sh", "-c", "cat /run/acknowledged 2>/dev/null || echo 0"), CultureInfo.InvariantCulture);

    private static Task WaitForNumberAsync(TestLab lab, string client, int number) =>
        Condition.WaitAsync($"number {number} to be acknowledged", InstalledCluster.Deadline, async () => await AcknowledgedAsync(lab, client) >= number);

    /// <summary>Whoever else wants the lock is refused.</summary>
    private static async Task SeeThatLockIsHeldAsync(TestLab lab, string node) =>
        Assert.Equal("held", await lab.OnNodeAsync(node, "sudo", "sh", "-c", "flock --nonblock /shared/lock true && echo free || echo held"));

    /// <summary>Another node reads every number that was acknowledged.</summary>
    private static async Task SeeThatAllIsThereAsync(TestLab lab, string client, string reader)
    {
        var acknowledged = await AcknowledgedAsync(lab, client);
        Assert.InRange(int.Parse(await lab.OnNodeAsync(reader, "awk", "$1 == n + 1 { n++ } END { print n + 0 }", "/shared/numbers"), CultureInfo.InvariantCulture), acknowledged, int.MaxValue);
    }
}
