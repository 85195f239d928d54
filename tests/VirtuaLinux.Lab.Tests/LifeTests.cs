using System.Diagnostics;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Tests;

/// <summary>A lab outlives the command that made it, and leaves nothing behind.</summary>
public sealed class LifeTests
{
    [Fact]
    public async Task Another_command_finds_the_running_lab()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        await fixture.Lab["node01"].PowerOnAsync();
        var again = await LabInstance.OpenAsync(fixture.Options.StateDirectory);
        Assert.Equal(PowerState.On, await again["node01"].PowerAsync());
        var row = Assert.Single(await again.StatusAsync());
        Assert.Equal(("node01", PowerState.On, null), (row.Name, row.Power, row.Node));
    }

    [Fact]
    public async Task Down_ends_all_processes_and_the_namespace_and_may_be_repeated()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios, Firmware.Bios);
        foreach (var blade in fixture.Lab.Blades) await blade.PowerOnAsync();
        var machines = fixture.Lab.Blades.Select(b => b.State.Machine!).ToList();
        await fixture.Lab.DownAsync();
        Assert.DoesNotContain(machines, m => m.IsAlive);
        Assert.False(LabNetwork.Exists(fixture.Options));
        Assert.False(Directory.Exists($"/run/virtualinux-lab/{fixture.Options.Name}"));
        await fixture.Lab.DownAsync();
        await Assert.ThrowsAsync<FailureException>(() => LabInstance.OpenAsync(fixture.Options.StateDirectory));
    }

    [Fact]
    public async Task Down_finds_what_a_crashed_command_did_not_record()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        await fixture.Lab["node01"].PowerOnAsync();
        var machine = fixture.Lab["node01"].State.Machine!;
        using var stray = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", fixture.Options.Namespace, "sleep", "600"]))!;
        await Condition.WaitAsync("the process to be in the namespace", TimeSpan.FromSeconds(20), async () =>
            (await new CommandRunner().RunAsync(ExternalCommand.Of("ip", "netns", "pids", fixture.Options.Namespace))).Output.Split('\n').Contains($"{stray.Id}"));
        // What a command that is killed between starting a machine and writing its state leaves behind.
        var file = Path.Combine(fixture.Options.StateDirectory, "state.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace($"\"pid\": {machine.Pid}", "\"pid\": 999999999", StringComparison.Ordinal));
        await LabInstance.DownAsync(fixture.Options.StateDirectory);
        Assert.False(machine.IsAlive);
        await stray.WaitForExitAsync();
    }

    [Fact]
    public async Task Two_labs_run_side_by_side_but_not_under_one_name()
    {
        await using var one = await LabFixture.UpAsync(Firmware.Bios);
        await using var other = await LabFixture.UpAsync(Firmware.Bios);
        Assert.True(one.Lab.San.IsRunning && other.Lab.San.IsRunning);
        var elsewhere = one.Options with { StateDirectory = one.Options.StateDirectory + "-elsewhere" };
        var failure = await Assert.ThrowsAsync<FailureException>(() => LabInstance.CreateAsync(elsewhere));
        Assert.Contains("runs from another state directory", failure.Message, StringComparison.Ordinal);
        Directory.Delete(elsewhere.StateDirectory);
    }

    [Fact]
    public async Task A_fork_has_a_copy_of_the_san()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        File.WriteAllText(fixture.Lab.San.BackingFile, "installed");
        var fork = await fixture.Lab.ForkAsync(fixture.Options.StateDirectory + "-fork", fixture.Options.Name + "f");
        try
        {
            Assert.StartsWith("installed", File.ReadAllText(fork.San.BackingFile), StringComparison.Ordinal);
            File.WriteAllText(fork.San.BackingFile, "changed");
            Assert.StartsWith("installed", File.ReadAllText(fixture.Lab.San.BackingFile), StringComparison.Ordinal);
        }
        finally
        {
            await fork.DownAsync();
            Directory.Delete(fork.Options.StateDirectory, recursive: true);
        }
    }

    [Fact]
    public async Task A_lab_that_was_down_starts_again_with_its_san()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        File.WriteAllText(fixture.Lab.San.BackingFile, "installed");
        await fixture.Lab.DownAsync();
        var again = await LabInstance.StartAsync(fixture.Options.StateDirectory);
        Assert.True(again.San.IsRunning);
        Assert.StartsWith("installed", File.ReadAllText(again.San.BackingFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lab_that_is_down_can_be_forked_and_one_with_a_blade_on_cannot()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var (directory, name) = (fixture.Options.StateDirectory + "-fork", fixture.Options.Name + "f");
        await fixture.Lab["node01"].PowerOnAsync();
        var failure = await Assert.ThrowsAsync<FailureException>(() => fixture.Lab.ForkAsync(directory, name));
        Assert.StartsWith("node01 is on", failure.Message, StringComparison.Ordinal);
        await fixture.Lab.DownAsync();
        var fork = await LabInstance.ForkAsync(fixture.Options.StateDirectory, directory, name);
        Assert.True(fork.San.IsRunning);
        await fork.DownAsync();
        Directory.Delete(directory, recursive: true);
    }
}
