namespace VirtuaLinux.Model.Tests;

/// <summary>Every site file under Expectations/Site is loaded; what is said of it must be what the text file beside it says. UPDATE_EXPECTATIONS=1 rewrites those.</summary>
public class SiteFileTests
{
    private static readonly string Folder = Repository.PathOf("tests", "VirtuaLinux.Model.Tests", "Expectations", "Site");

    public static IEnumerable<TheoryDataRow<string>> Files => Directory.EnumerateFiles(Folder, "*.yaml").Select(f => new TheoryDataRow<string>(Path.GetFileNameWithoutExtension(f))).OrderBy(r => r.Data, StringComparer.Ordinal);

    [Theory, MemberData(nameof(Files))]
    public void What_is_wrong_with_a_site_file_is_said_with_its_line(string name)
    {
        var needed = name.StartsWith("installation-", StringComparison.Ordinal) ? SiteParts.Installation : SiteParts.None;
        var (site, errors) = SiteFile.Load("site.yaml", File.ReadAllText(Path.Combine(Folder, $"{name}.yaml")), needed);
        var said = string.Concat(errors.Select(e => $"{e}\n"));
        Assert.Equal(errors.Count == 0, site is not null);
        var expected = Path.Combine(Folder, $"{name}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(expected, said);
        Assert.Equal(File.ReadAllText(expected), said);
        Assert.Equal(name.EndsWith("valid", StringComparison.Ordinal), errors.Count == 0);
    }

    [Fact]
    public void The_example_of_the_design_is_understood()
    {
        var (site, errors) = SiteFile.Load("site.yaml", File.ReadAllText(Path.Combine(Folder, "valid.yaml")), SiteParts.Installation);
        Assert.Empty(errors);
        Assert.Equal("blade16", site!.Name);
        Assert.Equal(Ipv4Subnet.Parse("192.168.77.0/24"), site.ClusterNetwork.Subnet);
        Assert.Equal(Ipv4Range.Parse("192.168.77.200-192.168.77.250"), site.ClusterNetwork.Discovery);
        Assert.Equal([SanPortal.Parse("192.168.77.1:3260")], site.San!.Portals);
        Assert.Equal("chap.secret", site.San.Chap!.SecretFile);
        Assert.Equal(ByteSize.FromGiB(4), site.Volumes.Shared);
        // The gateway is .254, and this one nobody has.
        Assert.Equal(Ipv4Address.Parse("192.168.77.253"), site.SharedAddress);
        Assert.Equal(new Percentage(10), site.Volumes.Reserve);
        Assert.Equal(MacAddress.Parse("52:54:00:77:00:02"), site.Nodes[1].Interfaces["cluster"].Mac);
        Assert.Equal(2, site.Nodes[1].Slot);
    }

    [Fact]
    public void What_a_file_leaves_out_has_the_documented_default()
    {
        var (site, errors) = SiteFile.Load("site.yaml", "name: a\nnetworks: { cluster: { subnet: 10.0.0.0/24 } }\nsan: { portals: [ 10.0.0.1 ], target: eui.0123456789abcdef }\nnodes: [ { name: n, mac: 52:54:00:77:00:01, ip: 10.0.0.2 } ]\nvolumes: { local: 1GiB }\n");
        Assert.Empty(errors);
        Assert.Equal(1, site!.Version);
        Assert.Equal("", site.Image);
        Assert.Equal(1, site.San!.Lun);
        Assert.Empty(site.Access);
        Assert.Empty(site.Nodes[0].Interfaces);
        Assert.Equal(ByteSize.FromGiB(8), site.Volumes.Root);
        Assert.Equal(ByteSize.FromGiB(1), site.Volumes.Local);
        Assert.Equal(new Percentage(10), site.Volumes.Reserve);
        Assert.Null(site.SharedAddress);
    }

    [Theory]
    [InlineData("", "eui.0123456789abcdef", "10.0.0.1:3260", false)]
    [InlineData("transport: iscsi, ", "eui.0123456789abcdef", "10.0.0.1:3260", false)]
    [InlineData("transport: nvme-tcp, ", "nqn.2026-11.org.virtualinux:san", "10.0.0.1:4420", true)]
    public void A_portal_without_a_port_has_that_of_its_transport_and_a_manifest_names_no_iscsi(string transport, string target, string portal, bool isNamed)
    {
        var (site, errors) = SiteFile.Load("site.yaml", $"name: a\nnetworks: {{ cluster: {{ subnet: 10.0.0.0/24 }} }}\nsan: {{ {transport}portals: [ 10.0.0.1, 10.0.0.3:1 ], target: {target} }}\nnodes: [ {{ name: n, mac: 52:54:00:77:00:01, ip: 10.0.0.2 }} ]\n");
        Assert.Empty(errors);
        Assert.Equal([portal, "10.0.0.3:1"], site!.San!.Portals.Select(p => p.ToString()));
        var json = System.Text.Json.JsonSerializer.Serialize(site.San, ModelJson.Default.SiteSan);
        Assert.Equal(isNamed, json.Contains("\"transport\":\"nvme-tcp\"", StringComparison.Ordinal));
        Assert.Equal(isNamed, json.Contains("transport", StringComparison.Ordinal));
        Assert.Equal(site.San.Portals, System.Text.Json.JsonSerializer.Deserialize(json, ModelJson.Default.SiteSan)!.Portals);
    }

    [Fact]
    public void A_line_is_known_for_every_value_and_for_what_is_left_out_the_line_around_it()
    {
        var file = YamlFile.Load("site.yaml", File.ReadAllText(Path.Combine(Folder, "valid.yaml")), ModelJson.Default.Site);
        Assert.Equal(2, file.LineOf("name"));
        Assert.Equal(file.LineOf("$.nodes[1]") + 1, file.LineOf("nodes[1].interfaces.cluster.ip"));
        Assert.Equal(file.LineOf("nodes[0]"), file.LineOf("nodes[0].bmc.address"));
        Assert.Equal(1, file.LineOf("answers.install"));
        Assert.True(file.Has("san.lun"));
        Assert.False(file.Has("answers"));
    }
}
