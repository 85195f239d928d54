using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Images of a running site: what an administrator does between two releases of a distribution.</summary>
public sealed partial class ClusterTests
{
    [Fact]
    [Trait("Category", "Soak")]
    public async Task N_a_second_image_comes_from_a_stick_in_a_running_node_is_rolled_out_and_a_node_goes_back_to_its_old_root()
    {
        var other = await TestLab.BuildAsync("rootSize: 576MiB");
        var (old, next) = (VersionOf(TestLab.ImageInfo), VersionOf(TestLab.InfoOf(other)));
        Assert.NotEqual(old, next);
        await using var lab = await cluster.ForkAsync("generations");
        await lab.StartFromStickAsync(other, "node01", ["node02", "node03"]);
        await lab.OnNodeAsync("node02", "sudo", "sh", "-c", "echo x > /srv/before && echo x > /local/kept && sync");

        Assert.Contains($"site lab has no image debian-13@9.9; it has {old}", await FailAsync(lab, "node03", "image", "rollout", "debian-13@9.9"), StringComparison.Ordinal);
        Assert.Contains("no node ran another image before", await FailAsync(lab, "node03", "image", "rollback"), StringComparison.Ordinal);
        Assert.Contains("is not there; name an installer image", await FailAsync(lab, "node01", "image", "add", "/srv/none.iso"), StringComparison.Ordinal);
        var added = await LongAsync(lab, "node01", "virtualinux image add /dev/$(lsblk -rno NAME,FSTYPE | grep iso9660 | head -n 1 | cut -d ' ' -f 1)");
        Assert.Contains($"{next} is on the SAN, verified", added, StringComparison.Ordinal);
        await OriginOnSan.VerifyAsync(lab.Lab.San.BackingFile, TestLab.InfoOf(other));
        Assert.Equal("not needed", (await ImageAsync(lab, "node02", next)).GetProperty("state").GetString());

        // Each restarts in its turn, the one that was asked last.
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var said = await LongAsync(lab, "node03", $"virtualinux image rollout {next}");
        Console.Error.WriteLine($"{clock.Elapsed.TotalSeconds:0} s for two nodes\n{said}");
        Assert.Matches($"(?s)node01: restarting with .*node01: runs .*node02: restarting with .*node02: runs .*{next} is the site's image now.*node03: this node restarts now", said);
        await Condition.WaitAsync("node03 to run the new image", InstalledCluster.Deadline, async () => (await lab.Lab.SshAsync(lab.Lab["node03"], ["virtualinux", "node", "status"])).Output.Contains($"image {next}", StringComparison.Ordinal));
        Assert.Null((await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, InstalledCluster.Deadline)).Problem);
        Assert.Equal(["node01", "node02", "node03"], Names(await ImageAsync(lab, "node01", next), "runBy"));
        Assert.Equal(["node01", "node02", "node03"], Names(await ImageAsync(lab, "node01", old), "keptBy"));
        Assert.NotEqual(0, (await lab.Lab.SshAsync(lab.Lab["node02"], ["test", "-e", "/srv/before"])).ExitCode);
        Assert.Equal("x", await lab.OnNodeAsync("node02", "cat", "/local/kept"));
        Assert.Contains(cluster.Identities["node02"].Split('\n')[0], await lab.OnNodeAsync("node02", "cat", "/local/ssh/ssh_host_ed25519_key.pub"), StringComparison.Ordinal);

        // Back: the root as it was, and the image that it stands on cannot go.
        Assert.Contains("is in use: node01, node02, node03 can be rolled back to it", await FailAsync(lab, "node01", "image", "delete", old), StringComparison.Ordinal);
        Assert.Contains($"node02: runs {old}", await LongAsync(lab, "node01", "virtualinux image rollback node02"), StringComparison.Ordinal);
        Assert.Equal("x", await lab.OnNodeAsync("node02", "cat", "/srv/before"));
        Assert.Equal(cluster.Identities["node02"], await InstalledCluster.IdentityAsync(lab, "node02"));
        Assert.Contains("is in use: node02 starts it", await FailAsync(lab, "node01", "image", "delete", old, "--with-roots"), StringComparison.Ordinal);

        // Forward again, without the way back: nothing of the old image is left on the SAN.
        Assert.Contains($"node02: runs {next}", await LongAsync(lab, "node01", $"virtualinux image rollout {next}"), StringComparison.Ordinal);
        await Condition.WaitAsync("the old image to be let go", InstalledCluster.Deadline, async () => (await lab.Lab.SshAsync(lab.Lab["node01"], ["sudo", "virtualinux", "image", "delete", old, "--with-roots", "--powered-off"])).ExitCode == 0);
        Assert.DoesNotContain(old, await lab.OnNodeAsync("node03", "sudo", "virtualinux", "image", "list"), StringComparison.Ordinal);
        Assert.DoesNotContain(old.Replace('@', '_'), await lab.OnNodeAsync("node03", "sudo", "virtualinux", "storage", "ledger"), StringComparison.Ordinal);
        Assert.Contains("keeps no root of another image", await FailAsync(lab, "node01", "image", "rollback", "node02"), StringComparison.Ordinal);
    }

    private static string VersionOf(string info) => JsonDocument.Parse(File.ReadAllText(info)).RootElement.GetProperty("image").GetString()!;

    private static async Task<JsonElement> ImageAsync(TestLab lab, string node, string image) =>
        JsonDocument.Parse(await lab.OnNodeAsync(node, "sudo", "virtualinux", "image", "list", "--json")).RootElement.EnumerateArray().Single(i => i.GetProperty("image").GetString() == image);

    private static List<string> Names(JsonElement image, string member) => [.. image.GetProperty(member).EnumerateArray().Select(n => n.GetString()!)];

    /// <summary>Runs what may take longer than one session of SSH, and gives what it says; it must succeed.</summary>
    private static async Task<string> LongAsync(TestLab lab, string node, string command)
    {
        var script = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"({command}) > /local/long.out 2>&1; echo $? > /local/long.rc; sync -f /local"));
        await lab.OnNodeAsync(node, "sudo", "sh", "-c", $"rm -f /local/long.rc; echo {script} | base64 -d > /local/long.sh; setsid sh /local/long.sh < /dev/null > /dev/null 2>&1 &");
        CommandResult ended = null!;
        await Condition.WaitAsync($"'{command}' on {node}", InstalledCluster.Deadline, async () =>
        {
            // Machines restart meanwhile, one with a stick in it.
            foreach (var blade in lab.Lab.Blades) await blade.TendAsync();
            return (ended = await lab.Lab.SshAsync(lab.Lab[node], ["cat", "/local/long.rc"])).ExitCode == 0;
        });
        var said = await lab.OnNodeAsync(node, "cat", "/local/long.out");
        Assert.True(ended.Output.Trim() == "0", $"{node}: {command}: {said}");
        return said;
    }

    /// <summary>Runs a command that must fail and gives what it says.</summary>
    private static async Task<string> FailAsync(TestLab lab, string node, params string[] command)
    {
        var result = await lab.RunOnNodeAsync(node, ["sudo", "virtualinux", .. command]);
        Assert.NotEqual(0, result.ExitCode);
        return result.Error;
    }
}
