using VirtuaLinux.Model;

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
        Assert.Equal((8, "d1"), (change.Wanted.Serial, change.Wanted.RootDigest));
        Assert.Null(change.Obstacle());
    }

    [Fact]
    public void An_added_machine_is_shown()
    {
        var change = SiteChange.To(Current, Load(File + "  - { name: node03, mac: \"52:54:00:77:00:03\", ip: 192.168.77.13 }\n"));
        Assert.Equal("node03", Assert.Single(change.Added).Name);
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

    [Theory]
    [InlineData("root: 8GiB", "root: 9GiB", "volumes:")]
    [InlineData("192.168.77.12", "192.168.77.22", "node02 has other addresses than on the SAN (cluster 192.168.77.12)")]
    [InlineData("name: node02", "name: node05", "node02 is missing")]
    [InlineData("200-192", "210-192", "networks:")]
    [InlineData("virtualinux:san", "virtualinux:other", "san:")]
    public void What_would_pull_something_from_under_running_nodes_is_refused(string old, string changed, string reason)
    {
        var change = SiteChange.To(Current, Load(File.Replace(old, changed, StringComparison.Ordinal)));
        Assert.False(change.IsEmpty);
        Assert.Contains(reason, change.Obstacle(), StringComparison.Ordinal);
    }

    private static Site Load(string text)
    {
        var (site, errors) = SiteFile.Load("site.yaml", text);
        Assert.Empty(errors);
        return site!;
    }
}
