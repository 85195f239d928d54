using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

public sealed class IscsiInitiatorTests : IDisposable
{
    private readonly List<TcpListener> _listeners = [];

    public void Dispose() => _listeners.ForEach(l => l.Dispose());

    [Theory]
    [InlineData("iscsistart: session 1 login rejected: Initiator failed authentication with target\niscsistart: initiator reported error (24 - iSCSI login failed due to authorization failure)\n", 24)]
    [InlineData("iscsistart: initiator reported error (8 - connection timed out)", 8)]
    public void The_reason_of_a_refused_login_is_read_from_iscsistart(string error, int number) => Assert.Equal(number, IscsiInitiator.ReportedError(error));

    [Fact]
    public void Other_words_have_no_number() => Assert.Null(IscsiInitiator.ReportedError("iscsistart: version 2.1.11"));

    [Fact]
    public async Task Every_portal_is_logged_in_to_but_those_that_let_nobody_in_or_do_not_answer()
    {
        var (broken, healthy, other, dark) = (Portal(), Portal(), Portal(), DarkPortal());
        var iscsistart = new FakeIscsistart { [broken] = "iscsistart: initiator reported error (8 - connection timed out)" };
        var through = await new IscsiInitiator(iscsistart, San(broken, healthy, dark, other)).OpenSessionsAsync("iqn.test:node01", null, TestContext.Current.CancellationToken);
        Assert.Equal([healthy, other], through);
        Assert.Equal([broken, healthy, other], iscsistart.Asked);
    }

    [Fact]
    public async Task When_no_portal_lets_this_machine_in_every_ones_problem_is_told()
    {
        var (dark, slow, closed) = (DarkPortal(), Portal(), Portal());
        var iscsistart = new FakeIscsistart { [slow] = "iscsistart: initiator reported error (8 - connection timed out)", [closed] = "iscsistart: initiator reported error (19 - encountered non-retryable iSCSI login failure)" };
        var failure = await Assert.ThrowsAsync<FailureException>(() => new IscsiInitiator(iscsistart, San(dark, slow, closed)).OpenSessionsAsync("iqn.test:node01", null, TestContext.Current.CancellationToken));
        Assert.Equal($"no login to target iqn.test:san: {dark}: Connection refused; {slow}: iscsistart: initiator reported error (8 - connection timed out); {closed}: iscsistart: initiator reported error (19 - encountered non-retryable iSCSI login failure); check san.target in the site file and the target's access list", failure.Message);
    }

    [Fact]
    public async Task A_wrong_secret_is_not_tried_at_every_portal()
    {
        var (first, second) = (Portal(), Portal());
        var iscsistart = new FakeIscsistart { [first] = "iscsistart: initiator reported error (24 - iSCSI login failed due to authorization failure)" };
        var san = San(first, second) with { Chap = new SiteChap { User = "blade16", SecretFile = "chap.secret" } };
        var failure = await Assert.ThrowsAsync<FailureException>(() => new IscsiInitiator(iscsistart, san).OpenSessionsAsync("iqn.test:node01", "wrong", TestContext.Current.CancellationToken));
        Assert.Contains("correct chap.user in the site file or the secret in chap.secret", failure.Message, StringComparison.Ordinal);
        Assert.Equal([first], iscsistart.Asked);
    }

    private static SiteSan San(params SanPortal[] portals) => new() { Portals = portals, Target = "iqn.test:san" };

    private static SanPortal PortalOf(TcpListener listener) => new(Ipv4Address.From(IPAddress.Loopback), ((IPEndPoint)listener.LocalEndpoint).Port);

    private static SanPortal DarkPortal()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return PortalOf(listener);
    }

    private SanPortal Portal()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        _listeners.Add(listener);
        listener.Start();
        return PortalOf(listener);
    }

    /// <summary>Logs in to every portal but those that it has an error for, in iscsistart's words and with its exit code.</summary>
    private sealed class FakeIscsistart : Dictionary<SanPortal, string>, ICommandRunner
    {
        public List<SanPortal> Asked { get; } = [];

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
        {
            Assert.Equal("iscsistart", command.Program);
            string Argument(string name) => command.Arguments.SkipWhile(a => a != name).Skip(1).First();
            var portal = SanPortal.Parse($"{Argument("-a")}:{Argument("-p")}");
            Asked.Add(portal);
            return Task.FromResult(TryGetValue(portal, out var error) ? new CommandResult(255, "", error) : new CommandResult(0, "", ""));
        }
    }
}
