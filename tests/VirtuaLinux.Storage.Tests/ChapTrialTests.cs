using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Against a real target (tgt).</summary>
public sealed class ChapTrialTests : IAsyncLifetime
{
    private const string Initiator = "iqn.2026-11.org.virtualinux:site:node01:525400770001", Secret = "another-secret", Open = "iqn.test:open";

    private static readonly SiteSan San = new() { Portals = [], Target = "iqn.test:san", Chap = new SiteChap { User = "blade17", SecretFile = "chap.secret" } };

    private readonly CommandRunner _runner = new();
    private readonly string _control = Random.Shared.Next(10_000, 30_000).ToString(CultureInfo.InvariantCulture);
    private readonly string _pid = Path.Combine(Path.GetTempPath(), $"virtualinux-tgtd-{Guid.NewGuid():N}.pid");
    private readonly SanPortal _portal = FreePortal();

    public async ValueTask InitializeAsync()
    {
        await _runner.RunAsync(ExternalCommand.Of("tgtd", "-C", _control, "--iscsi", $"portal={_portal}", "-p", _pid).WithTimeout(TimeSpan.FromSeconds(20)));
        for (var deadline = DateTime.UtcNow.AddSeconds(30); (await TgtadmAsync("--mode", "target", "--op", "show")).ExitCode != 0 && DateTime.UtcNow < deadline;) await Task.Delay(50);
        await TgtadmAsync("--mode", "account", "--op", "new", "--user", "blade17", "--password", Secret);
        foreach (var (id, target) in ((string, string)[])[("1", San.Target), ("2", Open)])
        {
            Assert.Equal(0, (await TgtadmAsync("--mode", "target", "--op", "new", "--tid", id, "--targetname", target)).ExitCode);
            Assert.Equal(0, (await TgtadmAsync("--mode", "target", "--op", "bind", "--tid", id, "--initiator-address", "ALL")).ExitCode);
        }
        Assert.Equal(0, (await TgtadmAsync("--mode", "account", "--op", "bind", "--tid", "1", "--user", "blade17")).ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(_pid)) await _runner.RunAsync(ExternalCommand.Of("kill", "-9", (await File.ReadAllTextAsync(_pid)).Trim()).Accepting());
        foreach (var file in (string[])[_pid, $"/var/run/tgtd/socket.{_control}", $"/var/run/tgtd/socket.{_control}.lock"]) File.Delete(file);
    }

    [Fact]
    public async Task What_the_target_knows_is_accepted_and_no_session_is_left()
    {
        Assert.Null(await TryAsync(San, Secret));
        Assert.DoesNotContain("Initiator: iqn", (await TgtadmAsync("--mode", "target", "--op", "show")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blade17", "not-the-secret")]
    [InlineData("blade16", Secret)]
    public async Task Another_user_or_secret_is_refused_and_the_secret_is_not_said(string user, string secret)
    {
        var refused = await Assert.ThrowsAsync<FailureException>(() => TryAsync(San with { Chap = San.Chap! with { User = user } }, secret));
        Assert.Equal($"the SAN at {_portal} refuses user '{user}' with the new secret; nothing was changed: correct san.chap in the site file, or let the array know them first", refused.Message);
    }

    [Fact]
    public async Task Nodes_without_a_user_are_refused_by_a_target_that_asks_for_one() =>
        Assert.Contains("refuses a node without a CHAP user", (await Assert.ThrowsAsync<FailureException>(() => TryAsync(San with { Chap = null }, null))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_target_that_asks_nobody_for_a_secret_tells_nothing_of_one()
    {
        Assert.Equal($"{_portal}: the target asks nobody for a secret (AuthMethod=None)", await TryAsync(San with { Target = Open }, Secret));
        Assert.Null(await TryAsync(San with { Target = Open, Chap = null }, null));
    }

    [Fact]
    public async Task Where_nobody_can_be_asked_the_reason_is_told()
    {
        Assert.Equal($"{_portal}: the target answers with login status 0203", await TryAsync(San with { Target = "iqn.test:none" }, Secret));
        var dark = FreePortal();
        Assert.StartsWith($"{dark}: Connection refused", await ChapTrial.RunAsync(dark, San, Initiator, Secret, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Somebody_who_is_no_target_is_told_from_one()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = ChapTrial.RunAsync(PortalOf(listener), San, Initiator, Secret, TestContext.Current.CancellationToken);
        using (var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken)) await client.GetStream().WriteAsync(new byte[48], TestContext.Current.CancellationToken);
        Assert.EndsWith("it does not answer as an iSCSI target", await asked, StringComparison.Ordinal);
    }

    private Task<string?> TryAsync(SiteSan san, string? secret) => ChapTrial.RunAsync(_portal, san, Initiator, secret, TestContext.Current.CancellationToken);

    private Task<CommandResult> TgtadmAsync(params IReadOnlyList<string> arguments) => _runner.RunAsync(ExternalCommand.Of("tgtadm", ["-C", _control, "--lld", "iscsi", .. arguments]).WithTimeout(TimeSpan.FromSeconds(20)).Accepting());

    private static SanPortal FreePortal()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return PortalOf(listener);
    }

    private static SanPortal PortalOf(TcpListener listener) => new(Ipv4Address.From(IPAddress.Loopback), ((IPEndPoint)listener.LocalEndpoint).Port);
}
