using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests;

public class BootScriptsTests
{
    private static readonly Ipv4Address Asked = Ipv4Address.Parse("192.168.77.11");
    private static readonly MacAddress Stranger = MacAddress.Parse("52:54:00:99:00:01");

    [Fact]
    public void A_node_s_script_names_its_servers_in_order_and_never_itself() => Expect("node02.ipxe", Scripts().Ipxe(TestSite.Node(2), default, Asked));

    [Fact]
    public void A_node_s_grub_configuration_says_the_same() => Expect("node02.grub.cfg", Scripts().Grub(Ipv4Address.Parse("192.168.77.12"), Asked));

    [Fact]
    public void A_stranger_is_held_by_the_metamaster()
    {
        var pool = new DiscoveryPool(TestSite.Manifest().ClusterNetwork.Discovery!.Value);
        pool.Lend(Stranger, default, _ => false);
        Expect("hold.ipxe", Scripts(pool).Ipxe(Stranger, default, Asked));
        Expect("hold.grub.cfg", Scripts(pool).Grub(Ipv4Address.Parse("192.168.77.200"), Asked));
    }

    [Fact]
    public void A_stranger_gets_no_script_from_a_node()
    {
        Assert.Null(Scripts().Ipxe(Stranger, Ipv4Address.Parse("192.168.77.200"), Asked));
        Assert.Null(Scripts().Grub(Ipv4Address.Parse("192.168.77.200"), Asked));
    }

    private static BootScripts Scripts(DiscoveryPool? discovery = null) => new(new BootScriptOptions
    {
        Manifest = new ManifestSource(TestSite.Manifest()),
        Servers = m => [.. m.Nodes.Select(n => n.Cluster.Ip)],
        Discovery = discovery,
        HasSiteArchive = discovery is null,
    });

    /// <summary>Compares with the file beside the tests.</summary>
    private static void Expect(string name, byte[]? script)
    {
        var text = Encoding.UTF8.GetString(script!);
        var path = Path.Combine(Path.GetDirectoryName(Host.ProductFiles.Locate("templates"))!, "tests", "VirtuaLinux.NetBoot.Tests", "Expectations", name);
        if (Environment.GetEnvironmentVariable("VIRTUALINUX_ACCEPT") == "1") File.WriteAllText(path, text);
        Assert.Equal(File.ReadAllText(path), text);
    }
}
