namespace VirtuaLinux.EndToEnd;

/// <summary>Faults that chance chooses, with a seed.</summary>
public sealed partial class ClusterTests
{
    [Fact]
    [Trait("Category", "Soak")]
    public async Task K_a_cluster_that_loses_machines_and_its_SAN_comes_back_with_what_was_written()
    {
        var chance = Chance.Create("faults");
        await using var fork = await cluster.ForkAsync("faults");
        await fork.StartFromStickAsync("node01", "node02", "node03");
        await fork.Lab["node01"].RemoveMediaAsync();
        for (var round = 0; round < 4; round++)
        {
            var blade = fork.Lab.Blades[chance.Next(fork.Lab.Blades.Count)];
            await fork.OnNodeAsync(blade.Name, "sudo", "sh", "-c", $"echo {round} > /srv/round && sync");
            switch (chance.Next(4))
            {
                case 0:
                    await blade.PowerCutAsync();
                    break;
                case 1:
                    await blade.PowerOffAsync(PowerOff);
                    break;
                case 2:
                    await fork.Lab.San.PauseAsync();
                    await Task.Delay(TimeSpan.FromSeconds(chance.Next(60)));
                    await fork.Lab.San.ResumeAsync();
                    break;
                default:
                    await fork.Lab.San.StopAsync();
                    await Task.Delay(TimeSpan.FromSeconds(chance.Next(60)));
                    await fork.Lab.San.StartAsync();
                    break;
            }
            if (!blade.IsOn) await blade.PowerOnAsync();
            Assert.Null((await fork.Cluster.WaitForNodesAsync(fork.Lab.Blades, InstalledCluster.Deadline)).Problem);
            Assert.Equal($"{round}", await fork.OnNodeAsync(blade.Name, "cat", "/srv/round"));
            Assert.Equal(cluster.Identities[blade.Name], await InstalledCluster.IdentityAsync(fork, blade.Name));
        }
        await OriginOnSan.VerifyAsync(fork.Lab.San.BackingFile, TestLab.ImageInfo);
    }
}
