namespace VirtuaLinux.EndToEnd;

/// <summary>The second starter: the EFI partition of the LUN.</summary>
public sealed partial class ClusterTests
{
    [Fact]
    [Trait("Category", "Soak")]
    public async Task I_firmware_that_boots_the_LUN_starts_a_node_and_that_node_the_others()
    {
        await using var lab = await cluster.ForkAsync("firmware");
        var (peer, starter) = (lab.Lab["node01"], lab.Lab["node03"]);
        // Neither the installer nor the site's volume: all that the machine learns is on the SAN.
        await starter.InsertAsync(await lab.Lab.SanBootStickAsync(starter, TestLab.Iso));
        await starter.PowerOnAsync();
        var first = await lab.Cluster.WaitForNodesAsync([starter], InstalledCluster.Deadline);
        Assert.Null(first.Problem);
        Assert.Equal(("up", "node", "starter", "UEFI"), (first.Nodes.Single().Node!.State, first.Nodes.Single().Node!.Role, first.Nodes.Single().Node!.BootedFrom, first.Nodes.Single().Node!.Firmware));

        await peer.PowerOnAsync();
        var both = await lab.Cluster.WaitForNodesAsync([peer, starter], InstalledCluster.Deadline);
        Assert.Null(both.Problem);
        var booted = both.Nodes.Single(n => n.Name == peer.Name).Node!;
        Assert.Equal(("network", $"{starter.Options.Ip}:80"), (booted.BootedFrom, booted.Server));
        foreach (var node in (string[])["node01", "node03"]) Assert.Equal(cluster.Identities[node], await InstalledCluster.IdentityAsync(lab, node));
    }
}
