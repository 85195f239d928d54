using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>The array's secret changes below a site that runs.</summary>
public sealed partial class ClusterTests
{
    [Fact, Trait("Category", "Soak")]
    public async Task S_another_CHAP_secret_is_committed_when_the_array_takes_it_and_nodes_start_with_it()
    {
        const string secret = "another-secret-17", apply = "virtualinux site apply --site /tmp/chap/site.yaml --yes";
        await using var fork = await cluster.ForkAsync("chap");
        await fork.StartFromStickAsync("node01", "node02");
        await fork.Lab["node01"].RemoveMediaAsync();
        var boot = await BootAsync(fork, fork.Lab["node01"]);
        foreach (var (name, text) in await fork.Lab.SiteFilesAsync(new LabSiteOptions()))
            await fork.OnNodeAsync("node01", "sh", "-c", $"mkdir -p /tmp/chap && echo {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(name == "chap.secret" ? secret : text))} | base64 -d > /tmp/chap/{name}");

        Assert.NotEqual(0, (await fork.RunOnNodeAsync("node01", "sudo", "sh", "-c", apply)).ExitCode);
        await fork.Lab.San.SetChapSecretAsync(secret);
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", apply);
        Assert.DoesNotContain(secret, await fork.OnNodeAsync("node01", "sudo", "journalctl", "-b"), StringComparison.Ordinal);

        await fork.Lab["node02"].PowerCutAsync();
        await fork.Lab["node02"].PowerOnAsync();
        Assert.Null((await fork.Cluster.WaitForNodesAsync([fork.Lab["node02"]], InstalledCluster.Deadline)).Problem);
        Assert.Equal(boot, await BootAsync(fork, fork.Lab["node01"]));
        await fork.OnNodeAsync("node01", "sudo", "sh", "-c", "echo more > /srv/more && sync -f /srv");

        // All of them, from a medium that has the new secret too.
        foreach (var node in (string[])["node01", "node02"]) await fork.Lab[node].PowerCutAsync();
        await fork.StartFromStickAsync("node02", "node01");
        Assert.Equal("more", await fork.OnNodeAsync("node01", "cat", "/srv/more"));
    }
}
