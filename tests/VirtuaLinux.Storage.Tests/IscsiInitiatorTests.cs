using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

public sealed class IscsiInitiatorTests : IDisposable
{
    private readonly List<TcpListener> _listeners = [];

    private readonly string _records = Directory.CreateTempSubdirectory("virtualinux-iscsi").FullName;

    public void Dispose()
    {
        _listeners.ForEach(l => l.Dispose());
        Directory.Delete(_records, recursive: true);
    }

    [Theory]
    [InlineData("iscsiadm: Could not login to [iface: default, target: iqn.test:san, portal: 127.0.0.1,3260].\niscsiadm: initiator reported error (24 - iSCSI login failed due to authorization failure)\n", 24)]
    [InlineData("iscsiadm: initiator reported error (8 - connection timed out)", 8)]
    public void The_reason_of_a_refused_login_is_read_from_iscsiadm(string error, int number) => Assert.Equal(number, IscsiInitiator.ReportedError(error));

    [Fact]
    public void Other_words_have_no_number() => Assert.Null(IscsiInitiator.ReportedError("iscsiadm: version 2.1.11"));

    [Fact]
    public async Task Every_portal_is_logged_in_to_but_those_that_let_nobody_in_or_do_not_answer()
    {
        var (broken, healthy, other, dark) = (Portal(), Portal(), Portal(), DarkPortal());
        var iscsiadm = new FakeIscsiadm(_records) { [broken] = "iscsiadm: initiator reported error (8 - connection timed out)" };
        var through = await new IscsiInitiator(iscsiadm, San(broken, healthy, dark, other)) { Records = _records }.OpenSessionsAsync(null, TestContext.Current.CancellationToken);
        Assert.Equal([healthy, other], through);
        Assert.Equal([broken, healthy, other], iscsiadm.Asked);
    }

    [Fact]
    public async Task When_no_portal_lets_this_machine_in_every_ones_problem_is_told()
    {
        var (dark, slow, closed) = (DarkPortal(), Portal(), Portal());
        var iscsiadm = new FakeIscsiadm(_records) { [slow] = "iscsiadm: initiator reported error (8 - connection timed out)", [closed] = "iscsiadm: initiator reported error (19 - encountered non-retryable iSCSI login failure)" };
        var failure = await Assert.ThrowsAsync<FailureException>(() => new IscsiInitiator(iscsiadm, San(dark, slow, closed)) { Records = _records }.OpenSessionsAsync(null, TestContext.Current.CancellationToken));
        Assert.Equal($"no login to target iqn.test:san: {dark}: Connection refused; {slow}: iscsiadm: initiator reported error (8 - connection timed out); {closed}: iscsiadm: initiator reported error (19 - encountered non-retryable iSCSI login failure); check san.target in the site file and the target's access list", failure.Message);
    }

    [Fact]
    public async Task A_wrong_secret_is_not_tried_at_every_portal()
    {
        var (first, second) = (Portal(), Portal());
        var iscsiadm = new FakeIscsiadm(_records) { [first] = "iscsiadm: initiator reported error (24 - iSCSI login failed due to authorization failure)" };
        var san = San(first, second) with { Chap = new SiteChap { User = "blade16", SecretFile = "chap.secret" } };
        var failure = await Assert.ThrowsAsync<FailureException>(() => new IscsiInitiator(iscsiadm, san) { Records = _records }.OpenSessionsAsync("wrong", TestContext.Current.CancellationToken));
        Assert.Contains("correct chap.user in the site file or the secret in chap.secret", failure.Message, StringComparison.Ordinal);
        Assert.Equal([first], iscsiadm.Asked);
    }

    [Theory]
    [InlineData(1, "node.session.timeo.replacement_timeout = 86400", "node.conn[0].timeo.noop_out_interval = 0")]
    [InlineData(2, "node.session.timeo.replacement_timeout = 5", "node.conn[0].timeo.noop_out_interval = 5")]
    public async Task A_lost_session_waits_as_long_as_it_is_the_only_one_and_says_so_soon_where_there_are_others(int portals, params string[] lines)
    {
        var san = San([.. Enumerable.Range(0, portals).Select(_ => Portal())]) with { Chap = new SiteChap { User = "blade16", SecretFile = "chap.secret" } };
        await new IscsiInitiator(new FakeIscsiadm(_records), san) { Records = _records }.OpenSessionsAsync("s3cret", TestContext.Current.CancellationToken);
        var records = Directory.GetFiles(_records, "*", SearchOption.AllDirectories);
        Assert.Equal(portals, records.Length);
        foreach (var record in records.Select(File.ReadAllLines))
            Assert.All([.. lines, "node.session.auth.username = blade16", "node.session.auth.password = s3cret"], l => Assert.Contains(l, record));
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

    /// <summary>Keeps records as open-iscsi does, and logs in to every portal but those that it has an error for, in iscsiadm's words and with its exit code.</summary>
    private sealed class FakeIscsiadm(string records) : Dictionary<SanPortal, string>, ICommandRunner
    {
        public List<SanPortal> Asked { get; } = [];

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
        {
            Assert.Equal("iscsiadm", command.Program);
            string Argument(string name) => command.Arguments.SkipWhile(a => a != name).Skip(1).First();
            var portal = SanPortal.Parse(Argument("--portal"));
            if (command.Arguments.Contains("--op"))
            {
                Assert.Equal("new", Argument("--op"));
                File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(records, Argument("--targetname"))).FullName, $"{portal.Address},{portal.Port}"), "node.session.auth.authmethod = None\n");
                return Task.FromResult(new CommandResult(0, "", ""));
            }
            Assert.Contains("--login", command.Arguments);
            Asked.Add(portal);
            return Task.FromResult(TryGetValue(portal, out var error) ? new CommandResult(8, "", error) : new CommandResult(0, "", ""));
        }
    }
}
