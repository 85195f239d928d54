using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Tests;

/// <summary>Blades with real firmware and nobody to boot from.</summary>
public sealed class BladeTests
{
    [Theory]
    [InlineData(Firmware.Bios, "iPXE initialising devices")]
    [InlineData(Firmware.Uefi, ">>Start PXE over IPv4")]
    public async Task A_blade_without_media_asks_the_network(Firmware firmware, string sign)
    {
        await using var fixture = await LabFixture.UpAsync(firmware);
        var blade = fixture.Lab["node01"];
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync(sign, Deadline.Firmware);
        await Condition.WaitAsync("a packet from the blade", Deadline.Firmware, async () => (await blade.TrafficAsync()).FromBlade > 0);
        Assert.Equal(PowerState.On, await blade.PowerAsync());
    }

    [Fact]
    public async Task A_power_cut_is_a_cut_and_the_next_start_begins_a_new_console()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var blade = fixture.Lab["node01"];
        Assert.Equal(PowerState.Off, await blade.PowerAsync());
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware);
        await blade.PowerCutAsync();
        Assert.Equal(PowerState.Off, await blade.PowerAsync());
        Assert.Contains("SeaBIOS", blade.ReadConsole(), StringComparison.Ordinal);
        var length = blade.ConsoleLength;
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware);
        Assert.Equal(length, blade.State.ConsoleStart);
    }

    [Fact]
    public async Task Waiting_for_a_blade_that_went_off_ends_with_its_last_lines()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var blade = fixture.Lab["node01"];
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware);
        await blade.PowerCutAsync();
        var failure = await Assert.ThrowsAsync<FailureException>(() => blade.WaitForConsoleAsync("login:", Deadline.Firmware));
        Assert.Contains("node01 went off before it showed 'login:'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("SeaBIOS", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blade_can_be_paused_reset_and_looked_at()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var blade = fixture.Lab["node01"];
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware);
        await blade.PauseAsync();
        Assert.Equal(PowerState.Paused, await blade.PowerAsync());
        var screen = Path.Combine(fixture.Options.StateDirectory, "screen.png");
        await blade.ScreenshotAsync(screen);
        Assert.True(new FileInfo(screen).Length > 0);
        await blade.ContinueAsync();
        var mark = blade.ConsoleLength;
        await blade.ResetAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware, mark);
    }

    [Fact]
    public async Task A_blade_that_starts_again_with_its_medium_in_keeps_it_and_goes_on()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var blade = fixture.Lab["node01"];
        await blade.InsertAsync(await fixture.Lab.SiteVolumeAsync(new LabSiteOptions()));
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware);
        // Twice: after the first time the technician looks again.
        for (var time = 1; time <= 2; time++)
        {
            var mark = blade.ConsoleLength;
            await blade.ResetAsync();
            await blade.WaitForConsoleAsync("SeaBIOS", Deadline.Firmware, mark);
            Assert.Equal(PowerState.On, await blade.PowerAsync());
            Assert.Single(blade.State.Media);
        }
    }

    [Fact]
    public async Task A_person_can_type_at_the_console()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios);
        var blade = fixture.Lab["node01"];
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("Press Ctrl-B for the iPXE command line", Deadline.Firmware);
        await blade.SendAsync("\u0002");
        await blade.WaitForConsoleAsync("iPXE>", Deadline.Firmware);
        using var typed = new MemoryStream("ifstat\r\u001d"u8.ToArray());
        using var shown = new MemoryStream();
        await blade.AttachConsoleAsync(typed, shown);
        await blade.WaitForConsoleAsync("net0: 52:54:00:77:00:01", Deadline.Firmware);
    }

    [Fact]
    public async Task A_pulled_cable_is_seen_by_the_blade()
    {
        // The virtio driver of this iPXE does not report the link; Intel's does.
        await using var fixture = await LabFixture.UpAsync(NetworkCard.E1000e, Firmware.Bios);
        var blade = fixture.Lab["node01"];
        await blade.PowerOnAsync();
        await blade.WaitForConsoleAsync("Press Ctrl-B for the iPXE command line", Deadline.Firmware);
        await blade.SendAsync("\u0002");
        await blade.WaitForConsoleAsync("iPXE>", Deadline.Firmware);
        await blade.PullCableAsync();
        await blade.SendAsync("ifopen net0 && ifstat net0\r");
        await blade.WaitForConsoleAsync("Link:down", Deadline.Firmware);
        await blade.PlugCableAsync();
        var mark = blade.ConsoleLength;
        await Condition.WaitAsync("the link to be up again", Deadline.Firmware, async () =>
        {
            await blade.SendAsync("ifstat net0\r");
            return blade.ReadConsole(mark).Contains("Link:up", StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_cable_of_the_second_network_is_pulled_alone_and_stays_so_through_a_power_cut()
    {
        await using var fixture = await LabFixture.UpTwiceAsync(NetworkCard.E1000e);
        var blade = fixture.Lab["node01"];
        await blade.PullCableAsync(2);
        await LinksAsync();
        await blade.PowerCutAsync();
        await LinksAsync();
        Assert.Equal([2], blade.State.PulledCables);
        Assert.Contains("no network 3", (await Assert.ThrowsAsync<FailureException>(() => blade.PullCableAsync(3))).Message, StringComparison.Ordinal);

        async Task LinksAsync()
        {
            await blade.PowerOnAsync();
            await blade.WaitForConsoleAsync("Press Ctrl-B for the iPXE command line", Deadline.Firmware);
            await blade.SendAsync("\u0002");
            await blade.WaitForConsoleAsync("iPXE>", Deadline.Firmware);
            await Condition.WaitAsync("the first link up and the second down", Deadline.Firmware, async () =>
            {
                var mark = blade.ConsoleLength;
                await blade.SendAsync("ifopen net0 ; ifopen net1 ; ifstat ; echo that is all\r");
                await blade.WaitForConsoleAsync("\nthat is all", Deadline.Firmware, mark);
                var shown = blade.ReadConsole(mark).Split("net1: 52:54:00:78:00:01");
                return shown.Length == 2 && shown[0].Contains("net0: 52:54:00:77:00:01", StringComparison.Ordinal) && shown[0].Contains("Link:up", StringComparison.Ordinal) && shown[1].Contains("Link:down", StringComparison.Ordinal);
            });
        }
    }
}
