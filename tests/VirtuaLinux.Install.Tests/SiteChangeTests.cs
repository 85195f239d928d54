using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install.Tests;

public sealed class SiteChangeTests
{
    private const string File = """
        version: 1
        name: blade16
        networks: { cluster: { subnet: 192.168.77.0/24, discovery: 192.168.77.200-192.168.77.250 } }
        san: { portals: [ 192.168.77.1 ], target: iqn.2026-11.org.virtualinux:san }
        volumes: { root: 8GiB, local: 2GiB }
        nodes:
          - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11 }
          - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12 }

        """;

    private static readonly Manifest Current = Manifest.Compile(Load(File), Guid.Empty, 7, ImageVersion.Parse("debian-13@1"), "d1");

    [Fact]
    public void The_same_site_file_changes_nothing()
    {
        var change = SiteChange.To(Current, Load(File));
        Assert.True(change.IsEmpty);
        Assert.Null(change.Obstacle());
        Assert.Empty(change.Lines());
    }

    [Fact]
    public void A_replaced_machine_is_shown_with_both_its_cards_and_keeps_the_image()
    {
        var change = SiteChange.To(Current, Replacement.WithMachine(Load(File), "node02", MacAddress.Parse("52:54:00:77:00:99")));
        Assert.Equal(["node02 replaced: 52:54:00:77:00:02 -> 52:54:00:77:00:99"], change.Lines());
        Assert.Equal("node02", Assert.Single(change.Replaced).Name);
        Assert.Equal("node02", Assert.Single(change.LetIn).Name);
        Assert.Equal((8, "d1"), (change.Wanted.Serial, change.Wanted.RootDigest));
        Assert.Null(change.Obstacle());
    }

    [Fact]
    public void An_added_machine_is_shown()
    {
        var change = SiteChange.To(Current, Load(File + "  - { name: node03, mac: \"52:54:00:77:00:03\", ip: 192.168.77.13 }\n"));
        Assert.Equal("node03", Assert.Single(change.Added).Name);
        // Its address may have been that of a machine which was fenced before it was removed.
        Assert.Equal("node03", Assert.Single(change.LetIn).Name);
        Assert.Contains("node03 added: 52:54:00:77:00:03 192.168.77.13", Assert.Single(change.Lines()), StringComparison.Ordinal);
        Assert.Null(change.Obstacle());
    }

    [Fact]
    public void Accounts_and_kernel_arguments_can_change()
    {
        var change = SiteChange.To(Current, Load(File + "kernelArguments: console=ttyS0\naccess: [ { user: admin, sshKeys: [ \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8k0xk8HnP6Yx1v0H9V0V2V1yJb0eK0o5sE6m1N1m1S a\" ] } ]\n"));
        Assert.Equal(["accounts and their keys", "kernel arguments: console=ttyS0"], change.Lines());
        Assert.Null(change.Obstacle());
    }

    [Fact]
    public void Machines_are_removed_volumes_grow_and_portals_change()
    {
        var text = File.Replace("  - { name: node02, mac: \"52:54:00:77:00:02\", ip: 192.168.77.12 }\n", "", StringComparison.Ordinal).Replace("local: 2GiB", "local: 3GiB", StringComparison.Ordinal).Replace("[ 192.168.77.1 ]", "[ 192.168.77.1, 192.168.77.2 ]", StringComparison.Ordinal);
        var change = SiteChange.To(Current, Load(text));
        Assert.Null(change.Obstacle());
        Assert.Equal("node02", Assert.Single(change.Removed).Name);
        Assert.Equal("192.168.77.2:3260", Assert.Single(change.NewPortals).ToString());
        Assert.Equal(
            ["node02 removed: its volumes stay until 'virtualinux storage delete' deletes them", "volumes: local 2GiB -> 3GiB", "san: portals 192.168.77.1:3260 -> 192.168.77.1:3260, 192.168.77.2:3260; running nodes keep the paths that they have until their next start"],
            change.Lines());
    }

    [Fact]
    public void A_shared_volume_is_added_and_grows_and_its_address_stays_where_the_file_leaves_it_to_us()
    {
        var added = SiteChange.To(Current, Load(File.Replace("local: 2GiB", "local: 2GiB, shared: 1GiB", StringComparison.Ordinal)));
        Assert.Null(added.Obstacle());
        Assert.Equal(["volumes: shared 0B -> 1GiB", "shared: served on 192.168.77.254, mounted on every node"], added.Lines());
        var larger = File.Replace("local: 2GiB", "local: 2GiB, shared: 2GiB", StringComparison.Ordinal);
        var grown = SiteChange.To(added.Wanted, Load(larger));
        Assert.Null(grown.Obstacle());
        Assert.Equal(["volumes: shared 1GiB -> 2GiB"], grown.Lines());

        Assert.Contains("volumes: shared 1GiB is less than the 2GiB", SiteChange.To(grown.Wanted, Load(File.Replace("local: 2GiB", "local: 2GiB, shared: 1GiB", StringComparison.Ordinal))).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("volumes: shared 0B is less than the 2GiB", SiteChange.To(grown.Wanted, Load(File)).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("shared: its address is 192.168.77.254", SiteChange.To(grown.Wanted, Load(larger + "shared: { address: 192.168.77.20 }\n")).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("node03 has the address 192.168.77.254 of the shared volume", SiteChange.To(grown.Wanted, Load(larger + "  - { name: node03, mac: \"52:54:00:77:00:03\", ip: 192.168.77.254 }\n")).Obstacle(), StringComparison.Ordinal);
    }

    [Fact]
    public void Which_node_starts_which_image_is_not_the_site_files_to_say()
    {
        var rolled = Current.WithImage(ImageVersion.Parse("debian-13@2"), "d2").WithAssigned(new Dictionary<string, ImageVersion> { ["node01"] = ImageVersion.Parse("debian-13@2") }, new HashSet<string> { "node01" }, new HashSet<string>());
        Assert.True(SiteChange.To(rolled, Load(File)).IsEmpty);
        Assert.False(ConcernsStarter(Current, rolled with { Serial = 8 }));
        Assert.True(ConcernsStarter(Current, SiteUpdate.Replaced(rolled, "node02", "cluster", MacAddress.Parse("52:54:00:77:00:99"))));
    }

    [Theory]
    [InlineData("node09", "cluster", "52:54:00:77:00:99", "has no node 'node09'")]
    [InlineData("node02", "storage", "52:54:00:77:00:99", "is not on a network 'storage'; it is on cluster")]
    [InlineData("node02", "cluster", "52:54:00:77:00:01", "is a card of node01 already")]
    public void A_replacement_that_cannot_be_changes_nothing(string name, string network, string mac, string reason) =>
        Assert.Contains(reason, Assert.Throws<FailureException>(() => SiteUpdate.Replaced(Current, name, network, MacAddress.Parse(mac))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("root: 8GiB", "root: 7GiB", "volumes: root 7GiB is less than the 8GiB")]
    [InlineData("local: 2GiB", "local: 1GiB", "volumes: local 1GiB is less than the 2GiB")]
    [InlineData("192.168.77.12", "192.168.77.22", "node02 has other addresses than on the SAN (cluster 192.168.77.12)")]
    [InlineData("200-192", "210-192", "networks:")]
    [InlineData("virtualinux:san", "virtualinux:other", "san:")]
    public void What_would_pull_something_from_under_running_nodes_is_refused(string old, string changed, string reason)
    {
        var change = SiteChange.To(Current, Load(File.Replace(old, changed, StringComparison.Ordinal)));
        Assert.False(change.IsEmpty);
        Assert.Contains(reason, change.Obstacle(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_secret_alone_is_a_change_and_is_not_shown()
    {
        var current = SiteChange.To(Current, Load(WithChap("blade16"))).Wanted;
        var site = Load(WithChap("blade16"));
        var (state, other) = (State("old-secret-12"), SiteUpdate.WithSecret(State("old-secret-12"), site, "new-secret-12"));
        Assert.Equal("new-secret-12", other.ChapSecret);
        Assert.Same(state, SiteUpdate.WithSecret(state, site, null)); // the file is not there
        Assert.Same(state, SiteUpdate.WithSecret(state, site, "old-secret-12"));

        Assert.True(SiteChange.To(current, site).IsEmpty);
        var change = SiteChange.To(current, site, hasOtherSecret: true);
        Assert.False(change.IsEmpty);
        Assert.True(change.ChangesLogin);
        Assert.Null(change.Obstacle());
        Assert.Equal(["san: another CHAP secret", Sessions], change.Lines());
        Assert.True(SiteCommit.ConcernsStarter((state, current), (other, change.Wanted)));
        Assert.False(SiteCommit.ConcernsStarter((state, current), (state, change.Wanted)));
    }

    [Fact]
    public void A_CHAP_user_changes_comes_and_goes_but_not_without_a_secret()
    {
        var current = SiteChange.To(Current, Load(WithChap("blade16"))).Wanted;
        var change = SiteChange.To(current, Load(WithChap("blade17", "new.secret")));
        Assert.Null(change.Obstacle());
        Assert.True(change.ChangesLogin);
        Assert.Equal(["san: CHAP user blade16 -> blade17", "san: file of the CHAP secret chap.secret -> new.secret", Sessions], change.Lines());
        Assert.True(ConcernsStarter(current, change.Wanted));

        var gone = SiteChange.To(current, Load(File), hasOtherSecret: true);
        Assert.Null(gone.Obstacle());
        Assert.Equal(["san: CHAP user blade16 -> none", Sessions], gone.Lines());
        Assert.Null(SiteUpdate.WithSecret(State("old-secret-12"), Load(File), null).ChapSecret);

        Assert.Equal(["san: CHAP user none -> blade16", Sessions], SiteChange.To(Current, Load(WithChap("blade16")), hasOtherSecret: true).Lines());
        Assert.Contains("chap.secret is not beside the site file", Assert.Throws<FailureException>(() => SiteUpdate.WithSecret(State(null), Load(WithChap("blade16")), null)).Message, StringComparison.Ordinal);
        Assert.Contains("san: it is not the one that the nodes use", SiteChange.To(current, Load(WithChap("blade17").Replace("virtualinux:san", "virtualinux:other", StringComparison.Ordinal))).Obstacle(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_could_not_be_tried_is_committed_only_when_somebody_says_so()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var dark = new SanPortal(Ipv4Address.From(IPAddress.Loopback), ((IPEndPoint)listener.LocalEndpoint).Port);
        listener.Stop();
        var said = new List<string>();
        var san = Load(WithChap("blade17")).San! with { Portals = [dark] };
        Task Try(bool untried) => SiteUpdate.TryAsync(san, "iqn.test:node01", "new-secret-12", untried, said.Add, TestContext.Current.CancellationToken);
        var refused = (await Assert.ThrowsAsync<FailureException>(() => Try(false))).Message;
        Assert.StartsWith($"whether the array knows the new CHAP user and secret could not be tried: {dark}: Connection refused; nothing was changed", refused, StringComparison.Ordinal);
        Assert.EndsWith("add --untried", refused, StringComparison.Ordinal);
        await Try(true);
        Assert.StartsWith($"the new CHAP user and secret could not be tried at {dark}", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void The_secret_is_the_first_line_of_its_file()
    {
        var folder = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;
        try
        {
            var san = Load(WithChap("blade16")).San!;
            Assert.Null(SecretFile.Read(san, folder));
            var path = SecretFile.PathOf(san, folder)!;
            System.IO.File.WriteAllText(path, " new-secret-12 \nmore\n");
            Assert.Equal("new-secret-12", SecretFile.Read(san, folder));
            Assert.Null(SecretFile.Read(san with { Chap = null }, folder));
            System.IO.File.WriteAllText(path, "\n");
            Assert.Equal($"{path} is empty; write the CHAP secret into its first line", Assert.Throws<FailureException>(() => SecretFile.Read(san, folder)).Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(1, 20, 2, "space: 1.0 GiB needed, 20.0 GiB free, reserve 2.0 GiB")]
    [InlineData(19, 20, 2, "space: 19.0 GiB needed, 20.0 GiB free, reserve 2.0 GiB; it takes from the reserve")]
    [InlineData(21, 20, 2, "space: 21.0 GiB needed, 20.0 GiB free, reserve 2.0 GiB; it does NOT fit")]
    public void What_a_change_needs_is_shown_with_it(long needed, long free, long reserve, string line) =>
        Assert.Equal(line, Assert.Single((SiteChange.To(Current, Load(File)) with { Space = new SpaceNeed(ByteSize.FromGiB(needed), ByteSize.FromGiB(free), ByteSize.FromGiB(reserve)) }).Lines()));

    private static bool ConcernsStarter(Manifest one, Manifest other) => State(null) is var state && SiteCommit.ConcernsStarter((state, one), (state, other));

    private const string Sessions = "san: sessions go on with the user and the secret that they began with until each node's next start: the array must know those until then";

    private static string WithChap(string user, string file = "chap.secret") => File.Replace("virtualinux:san }", $"virtualinux:san, chap: {{ user: {user}, secretFile: {file} }} }}", StringComparison.Ordinal);

    private static SanState State(string? secret) => new() { SignedManifest = [], CaCertificate = "", CaKey = "", ChapSecret = secret, Images = [] };

    private static Site Load(string text)
    {
        var (site, errors) = SiteFile.Load("site.yaml", text);
        Assert.Empty(errors);
        return site!;
    }
}
