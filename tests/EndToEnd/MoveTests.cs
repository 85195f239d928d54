using System.Text;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>A site moves to another array, with power cuts on the way, and with a node that starts from the old one in the middle of it.</summary>
[Collection("machines share two cores: one scenario at a time")]
public sealed class MoveTests
{
    private const string Left = "and nothing starts from the old LUN any more", Finished = "site lab is finished";

    private static readonly TimeSpan PowerOff = TimeSpan.FromMinutes(4);

    [Fact, Trait("Category", "Soak")]
    public Task A_site_that_is_moved_to_another_array_is_on_one_of_the_two_whenever_the_power_fails_and_loses_nothing() => MoveAsync("move", SanKind.Lio);

    [Fact, Trait("Category", "Soak")]
    public Task And_so_it_is_where_the_arrays_can_fence_nobody() => MoveAsync("movetgt", SanKind.Tgt);

    private static async Task MoveAsync(string name, SanKind kind)
    {
        await using var lab = await TestLab.CreateAsync(name, [Firmware.Bios, Firmware.Bios], ByteSize.FromGiB(8), kind: kind);
        Assert.Null((await lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline)).Problem);
        var (mover, other) = (lab.Lab["node01"], lab.Lab["node02"]);
        var sums = new Dictionary<string, string>();
        foreach (var node in (string[])["node01", "node02"]) sums[node] = await WriteAsync(lab, node, "/srv/before");
        var identities = await Task.WhenAll(IdentityAsync(lab, "node01"), IdentityAsync(lab, "node02"));

        await lab.Lab.San.AddTargetAsync(ByteSize.FromGiB(9));
        await using (var foreign = File.OpenWrite(lab.Lab.San.OtherFile))
        {
            foreign.Position = 5000;
            await foreign.WriteAsync(Encoding.ASCII.GetBytes("payroll"));
        }
        await CheckAsync(lab);

        foreach (var blade in lab.Lab.Blades)
        {
            await blade.PowerOffAsync(PowerOff);
            await blade.RemoveMediaAsync();
        }
        await mover.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await mover.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions { Install = false, Moves = true }));
        await mover.PowerOnAsync();
        await AnswerAsync(mover, "Type 'move' to move the site", "move");
        const string question = "The new LUN carries data without a partition table or file system that we know. Type '";
        await mover.WaitForConsoleAsync(question, InstalledCluster.Deadline);
        var wwid = mover.ReadConsole().Split(question)[^1].Split('\'')[0];
        await mover.SendAsync($"{wwid}\r");

        await lab.CutDuringAsync(mover, "move: MakeVolumes");
        await mover.PowerOnAsync();
        await mover.WaitForConsoleAsync("volume 3 of", InstalledCluster.Deadline);
        await mover.PowerCutAsync();

        // The site is on the old array: a machine starts from it, and what it writes must not be lost.
        await other.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await other.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        await other.PowerOnAsync();
        Assert.Null((await lab.Cluster.WaitForNodesAsync([other], InstalledCluster.Deadline)).Problem);
        Assert.Contains("this start ended that", other.ReadConsole(), StringComparison.Ordinal);
        var meanwhile = await WriteAsync(lab, "node02", "/srv/meanwhile");
        await mover.PowerOnAsync();
        await mover.WaitForConsoleAsync("node02 of site 'lab' answer", InstalledCluster.Deadline);
        await mover.PowerCutAsync();
        await other.PowerOffAsync(PowerOff);

        await mover.PowerOnAsync();
        await mover.WaitForConsoleAsync("the copy begins anew", InstalledCluster.Deadline);
        foreach (var moment in (string[])["move: Stage", "move: Leave", "move: Arrive"])
        {
            var shown = await mover.WaitForConsoleAsync([ClusterInstallation.Failed, moment, Left, Finished], InstalledCluster.Deadline);
            Assert.NotEqual(ClusterInstallation.Failed, shown);
            if (shown != moment) break;
            await mover.PowerCutAsync();
            await mover.PowerOnAsync();
        }
        // Nobody is asked any more. With the medium in, the machine starts as a node from the new array, and boots the other.
        Assert.Null((await lab.Cluster.WaitForNodesAsync([mover], InstalledCluster.Deadline)).Problem);
        await other.RemoveMediaAsync();
        await other.PowerOnAsync();
        var result = await lab.Cluster.WaitForNodesAsync(lab.Lab.Blades, InstalledCluster.Deadline);
        Assert.Null(result.Problem);
        Assert.Equal("network", result.Nodes.Single(n => n.Name == "node02").Node!.BootedFrom);
        Assert.All(result.Nodes, n => Assert.Equal(2, n.Node!.ManifestSerial));
        foreach (var node in (string[])["node01", "node02"])
        {
            Assert.Equal(sums[node], await lab.OnNodeAsync(node, "sh", "-c", "sha256sum < /srv/before"));
            Assert.Equal(lab.Lab.Options.Other.Name, await lab.OnNodeAsync(node, "sh", "-c", "sort -u /sys/class/iscsi_session/*/targetname"));
        }
        Assert.Equal(meanwhile, await lab.OnNodeAsync("node02", "sh", "-c", "sha256sum < /srv/meanwhile"));
        Assert.Equal(identities, await Task.WhenAll(IdentityAsync(lab, "node01"), IdentityAsync(lab, "node02")));
        await OriginOnSan.VerifyAsync(lab.Lab.San.OtherFile, TestLab.ImageInfo);

        // Whoever comes with the old site file is told where the site is.
        await other.PowerOffAsync(PowerOff);
        await other.InsertAsync(Medium.Cdrom(TestLab.Iso));
        await other.InsertAsync(await lab.Lab.SiteVolumeAsync(new LabSiteOptions()));
        await other.PowerOnAsync();
        await other.WaitForConsoleAsync($"site 'lab' was moved to the LUN with WWID {wwid} of target {lab.Lab.Options.Other.Name}", InstalledCluster.Deadline);
        await other.WaitForConsoleAsync(ClusterInstallation.Failed, InstalledCluster.Deadline);
    }

    /// <summary>What a node says of a site file that does not name the old array, and of one that does.</summary>
    private static async Task CheckAsync(TestLab lab)
    {
        await PutAsync(lab, new LabSiteOptions { Install = false });
        var refused = await lab.Lab.SshAsync(lab.Lab["node01"], ["sudo", "virtualinux", "storage", "migrate", "--site", "/tmp/move/site.yaml"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("let 'formerSan:' say what 'san:' says now", refused.Error, StringComparison.Ordinal);
        await PutAsync(lab, new LabSiteOptions { Install = false, Moves = true });
        Assert.Contains("begins when you type 'move'", await lab.OnNodeAsync("node01", "sudo", "virtualinux", "storage", "migrate", "--site", "/tmp/move/site.yaml"), StringComparison.Ordinal);
    }

    private static async Task PutAsync(TestLab lab, LabSiteOptions site)
    {
        foreach (var (file, text) in await lab.Lab.SiteFilesAsync(site))
            await lab.OnNodeAsync("node01", "sh", "-c", $"mkdir -p /tmp/move && echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(text))} | base64 -d > /tmp/move/{file}");
    }

    private static Task<string> WriteAsync(TestLab lab, string node, string file) =>
        lab.OnNodeAsync(node, "sudo", "sh", "-c", $"openssl rand 40000000 | tee {file} | sha256sum && sync -f {file}");

    private static Task<string> IdentityAsync(TestLab lab, string node) => lab.OnNodeAsync(node, "cat", "/local/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id");

    private static async Task AnswerAsync(Blade blade, string question, string answer)
    {
        await blade.WaitForConsoleAsync(question, InstalledCluster.Deadline);
        await blade.SendAsync($"{answer}\r");
    }
}
