using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Tests;

/// <summary>The SAN as an initiator sees it: libiscsi's tools inside the lab's network.</summary>
public sealed class SanTests
{
    private static readonly CommandRunner s_runner = new();

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task The_san_shows_its_lun_to_whoever_knows_the_secret(SanKind kind)
    {
        await using var fixture = await LabFixture.UpAsync(kind);
        var list = await ListsAsync(fixture.Lab, fixture.Options.ChapSecret);
        Assert.Contains("iqn.2026-11.org.virtualinux:san", list, StringComparison.Ordinal);
        Assert.Contains("Lun:1    Type:DIRECT_ACCESS (Size:255M)", list, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task With_two_networks_the_san_shows_the_same_lun_at_a_portal_on_each(SanKind kind)
    {
        await using var fixture = await LabFixture.UpTwiceAsync(san: kind);
        Assert.Equal(["192.168.77.1:3260", "192.168.78.1:3260"], fixture.Options.Portals.Select(p => p.ToString()));
        var identifiers = new List<string>();
        foreach (var portal in fixture.Options.Portals) identifiers.Add(await InquireAsync(fixture.Lab, "131", portal));
        Assert.Contains(kind == SanKind.Lio ? "VIRTUALX" : "vl-lab-san", identifiers[0], StringComparison.Ordinal);
        Assert.Equal(identifiers[0], identifiers[1]);
    }

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task A_wrong_secret_and_no_secret_are_refused(SanKind kind)
    {
        await using var fixture = await LabFixture.UpAsync(kind);
        Assert.Contains("Authentication failure", Text(await ListAsync(fixture.Lab, "wrong-secret-1")), StringComparison.Ordinal);
        Assert.Contains("Authentication failure", Text(await ListAsync(fixture.Lab, null)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task A_changed_secret_holds_at_once_and_after_a_restart(SanKind kind)
    {
        await using var fixture = await LabFixture.UpAsync(kind);
        await fixture.Lab.San.SetChapSecretAsync("another-secret");
        await ListsAsync(fixture.Lab, "another-secret");
        Assert.Contains("Authentication failure", Text(await ListAsync(fixture.Lab, fixture.Options.ChapSecret)), StringComparison.Ordinal);
        await fixture.Lab.San.StopAsync();
        Assert.NotEqual(0, (await ListAsync(fixture.Lab, "another-secret")).ExitCode);
        await fixture.Lab.San.StartAsync();
        // A search for the address that began while the target was off may end without it just now: every initiator tries again.
        await Condition.WaitAsync("the target's answer", TimeSpan.FromSeconds(30), async () => (await ListAsync(fixture.Lab, "another-secret")).ExitCode == 0);
    }

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task A_resized_lun_shows_its_new_size(SanKind kind)
    {
        await using var fixture = await LabFixture.UpAsync(kind);
        await fixture.Lab.San.ResizeAsync(ByteSize.FromMiB(64));
        Assert.Contains("(Size:63M)", (await ListAsync(fixture.Lab, fixture.Options.ChapSecret)).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SanKind.Tgt)]
    [InlineData(SanKind.Lio)]
    public async Task Another_array_has_a_secret_and_an_identity_of_its_own(SanKind kind)
    {
        await using var fixture = await LabFixture.UpAsync(kind);
        var (options, other) = (fixture.Options, fixture.Options.Other);
        var before = await InquireAsync(fixture.Lab, "131");
        await fixture.Lab.San.AddTargetAsync(ByteSize.FromMiB(64));
        Assert.Equal(before, await InquireAsync(fixture.Lab, "131"));
        var page = await InquireOtherAsync(other.User, other.Secret);
        Assert.Equal((0, ""), (page.ExitCode, page.Error));
        Assert.NotEqual(before, page.Output);
        Assert.Contains("Authentication failure", Text(await InquireOtherAsync(options.ChapUser, options.ChapSecret)), StringComparison.Ordinal);

        Task<CommandResult> InquireOtherAsync(string user, string secret) =>
            s_runner.RunAsync(fixture.Lab.Network.Inside("timeout", "20", "iscsi-inq", "-e", "1", "-c", "131", $"iscsi://{user}%{secret}@{options.Portal}/{other.Name}/1").Accepting());
    }

    [Fact]
    public async Task A_lab_that_ends_leaves_the_control_socket_to_whoever_took_its_number()
    {
        await using var ending = await LabFixture.UpAsync(Firmware.Bios);
        await using var other = await LabFixture.UpAsync(Firmware.Bios);
        var taken = PortOf(other);
        await ending.Lab.San.StopAsync();
        // What the state says when the number went to another lab after this lab's target had died.
        var file = Path.Combine(ending.Options.StateDirectory, "state.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"sanControlPort\": 0", $"\"sanControlPort\": {taken}", StringComparison.Ordinal));
        Assert.Equal(taken, PortOf(ending));
        await ending.Lab.DownAsync();
        await other.Lab.San.SetChapSecretAsync("another-secret");
    }

    [Fact]
    public async Task The_lun_has_the_same_identity_in_every_lab_and_gives_space_back()
    {
        await using var one = await LabFixture.UpAsync(Firmware.Bios);
        await using var other = await LabFixture.UpAsync(Firmware.Bios);
        var page = await InquireAsync(one.Lab, "131"); // device identification, SPC-4 7.8.6
        Assert.Equal(page, await InquireAsync(other.Lab, "131"));
        Assert.Contains("vl-lab-san", page, StringComparison.Ordinal);
        Assert.Contains("lbpu:1", await InquireAsync(one.Lab, "178"), StringComparison.Ordinal); // logical block provisioning, SBC-3 6.6.4
        Assert.True((await one.Lab.San.AllocatedAsync()).Bytes < 1 << 20);
    }

    [Fact]
    public async Task A_fork_may_have_the_other_kind_of_san()
    {
        await using var fixture = await LabFixture.UpAsync(SanKind.Tgt);
        var fork = await LabInstance.ForkAsync(fixture.Options.StateDirectory, fixture.Options.StateDirectory + "-fork", fixture.Options.Name + "f", san: SanKind.Lio);
        try
        {
            var page = await InquireAsync(fork, "131");
            Assert.Contains("VIRTUALX", page, StringComparison.Ordinal);
            Assert.DoesNotContain("vl-lab-san", page, StringComparison.Ordinal);
            Assert.Contains("lbpu:1", await InquireAsync(fork, "178"), StringComparison.Ordinal);
        }
        finally
        {
            await fork.DownAsync();
            Directory.Delete(fork.Options.StateDirectory, recursive: true);
        }
    }

    private static async Task<string> ListsAsync(LabInstance lab, string secret)
    {
        var list = await ListAsync(lab, secret);
        Assert.True(list.ExitCode == 0, $"exit code {list.ExitCode}: {Text(list)}");
        return list.Output;
    }

    private static Task<CommandResult> ListAsync(LabInstance lab, string? secret) =>
        s_runner.RunAsync(lab.Network.Inside("timeout", "20", "iscsi-ls", "-s", $"iscsi://{Login(lab, secret)}{lab.Options.Portal}/").Accepting());

    private static async Task<string> InquireAsync(LabInstance lab, string page, SanPortal? portal = null) =>
        (await s_runner.RunAsync(lab.Network.Inside("timeout", "20", "iscsi-inq", "-e", "1", "-c", page, $"iscsi://{Login(lab, lab.Options.ChapSecret)}{portal ?? lab.Options.Portal}/{lab.Options.Target}/1"))).Output;

    private static int PortOf(LabFixture fixture)
    {
        using var state = JsonDocument.Parse(File.ReadAllText(Path.Combine(fixture.Options.StateDirectory, "state.json")));
        return state.RootElement.GetProperty("sanControlPort").GetInt32();
    }

    private static string Login(LabInstance lab, string? secret) => secret is null ? "" : $"{lab.Options.ChapUser}%{secret}@";

    private static string Text(CommandResult result) => result.Output + result.Error;
}
