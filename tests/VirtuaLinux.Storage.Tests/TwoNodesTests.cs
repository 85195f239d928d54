namespace VirtuaLinux.Storage.Tests;

/// <summary>Two nodes change the volume group at the same time, and one of them dies at some instant, on a LUN that the real LVM writes and reads.</summary>
public sealed class TwoNodesTests
{
    private const int Soaks = 20;

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public Task Whoever_dies_while_two_nodes_create_grow_and_delete_the_volume_group_stays_whole(int seed) => SimulateAsync(seed);

    [Fact, Trait("Category", "Soak")]
    public async Task Whoever_dies_at_whatever_instant_the_volume_group_stays_whole()
    {
        var first = EndToEnd.Chance.Seed();
        for (var run = 0; run < EndToEnd.Chance.Faults(Soaks); run++) await SimulateAsync(unchecked(first + run) & int.MaxValue);
    }

    // Away from the test's own context: what a machine does after it was answered it does before anything else happens.
    private static Task SimulateAsync(int seed) => Task.Run(async () =>
    {
        await using var nodes = new TwoNodes(seed);
        try
        {
            await nodes.CreateAsync();
            foreach (var death in Enum.GetValues<Death>()) await nodes.WorkAsync(death);
            await nodes.VerifyAsync();
            Assert.True(nodes.Acknowledged > 0);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed} (VIRTUALINUX_SEED={seed} VIRTUALINUX_FAULTS=1 with the long test): {e.Message}", e);
        }
    });
}
