using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install.Tests;

/// <summary>When a machine may be replaced, or taken out of the site, from a node or from the medium.</summary>
public sealed class LiveNodesTests
{
    private static readonly ManifestNode Node01 = Node(1), Node02 = Node(2);

    [Fact]
    public async Task A_machine_that_does_not_answer_has_to_be_shut_out_and_nobody_else_may_use_its_volumes()
    {
        var disk = new MemoryDisk();
        var exclusion = new Exclusion(disk) { NameOf = a => a == Node01.Cluster.Ip ? "node01" : "node02" };
        var own = (await exclusion.EnterAsync("node01", Node01.Cluster.Ip, reserves: true))!.Value;
        await exclusion.EnterAsync("node02", Node02.Cluster.Ip, reserves: true);
        Assert.Contains("node02 does not answer and is registered with the SAN still", await RefusedAsync(disk, exclusion, canFence: true), StringComparison.Ordinal);
        await exclusion.FenceAsync(own, Node02.Cluster.Ip);
        await exclusion.BorrowAsync(own, Node02.Cluster.Ip, BorrowKind.Write);
        Assert.Contains("the volumes of node02 are in use on node01", await RefusedAsync(disk, exclusion, canFence: true), StringComparison.Ordinal);
        await exclusion.ReturnAsync(own, Node02.Cluster.Ip);
        await SeeAsync(disk, exclusion, canFence: true);
    }

    [Fact]
    public async Task Where_the_array_can_shut_nobody_out_somebody_must_have_seen_that_the_machine_is_off()
    {
        var disk = new MemoryDisk(canFence: false);
        var exclusion = new Exclusion(disk);
        Assert.Contains("'virtualinux node fence node02 --powered-off' on a running node", await RefusedAsync(disk, exclusion, canFence: false), StringComparison.Ordinal);
        await exclusion.FenceAsync(null, Node02.Cluster.Ip);
        await SeeAsync(disk, exclusion, canFence: false);
    }

    private static Task SeeAsync(MemoryDisk disk, Exclusion exclusion, bool canFence) => LiveNodes.SeeThatTheyAreGoneAsync(new SilentNetwork(), disk, exclusion, canFence, [Node02]);

    private static async Task<string> RefusedAsync(MemoryDisk disk, Exclusion exclusion, bool canFence) => (await Assert.ThrowsAsync<FailureException>(() => SeeAsync(disk, exclusion, canFence))).Message;

    private static ManifestNode Node(uint number) => ManifestNode.From(new SiteNode { Name = $"node0{number}", Mac = new MacAddress(0x5254_0077_0000UL + number), Ip = new Ipv4Address(0xC0A8_4D0A + number) });

    /// <summary>Nobody answers ping(8).</summary>
    private sealed class SilentNetwork : ICommandRunner
    {
        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default) => Task.FromResult(new CommandResult(1, "", ""));
    }
}
