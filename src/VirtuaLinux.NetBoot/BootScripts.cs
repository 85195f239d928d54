using System.Globalization;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>Renders what iPXE and GRUB run, for one machine each.</summary>
public sealed class BootScripts
{
    private const string IpxeTemplate = "templates/netboot/boot.ipxe.sbn";
    private const string GrubTemplate = "templates/netboot/grub.cfg.sbn";

    // A kernel command line has 2048 bytes, and a dead server costs iPXE 17 s and GRUB up to 30 s. A round that found none asks DHCP again.
    private const int MaximumServers = 8;

    private readonly BootScriptOptions options;
    private readonly string ipxe = File.ReadAllText(ProductFiles.Locate(IpxeTemplate));
    private readonly string grub = File.ReadAllText(ProductFiles.Locate(GrubTemplate));

    /// <summary>Reads the templates.</summary>
    /// <exception cref="FailureException">A template is missing.</exception>
    public BootScripts(BootScriptOptions options) => this.options = options;

    /// <summary>The iPXE script for a MAC address; null for a machine that gets none.</summary>
    public byte[]? Ipxe(MacAddress mac, Ipv4Address client, Ipv4Address server)
    {
        var map = options.Manifest.Map;
        if (map.Find(mac) is { } host) return Node(IpxeTemplate, ipxe, host, server);
        return options.Discovery is { } pool && (pool.FindAddress(mac) ?? Within(pool, client)) is { } address ? Hold(IpxeTemplate, ipxe, mac, address, server) : null;
    }

    /// <summary>The GRUB configuration for the machine with an address; null for a machine that gets none.</summary>
    public byte[]? Grub(Ipv4Address client, Ipv4Address server)
    {
        if (options.Manifest.Map.Find(client) is { } host) return Node(GrubTemplate, grub, host, server);
        return options.Discovery?.FindMac(client) is { } mac ? Hold(GrubTemplate, grub, mac, client, server) : null;
    }

    private static Ipv4Address? Within(Dhcp.DiscoveryPool pool, Ipv4Address client) => pool.Range.Contains(client) ? client : null;

    private byte[] Node(string name, string template, StaticHost host, Ipv4Address server)
    {
        var manifest = options.Manifest.Current;
        // The server that the machine asked is alive, which is more than is known of the others.
        var others = ServerOrder.For(host.Mac, options.Servers(manifest).Where(s => s != host.Address && s != server));
        return Render(name, template, "node", host.Node.Name, host.Mac, host.Address, host.Network, [server, .. others.Take(MaximumServers - 1)], manifest.KernelArguments);
    }

    /// <summary>A machine that is held is served by whoever lent it its address.</summary>
    private byte[] Hold(string name, string template, MacAddress mac, Ipv4Address address, Ipv4Address server)
    {
        var map = options.Manifest.Map;
        var network = map.Manifest.Networks[map.NetworkOf(address) ?? "cluster"];
        return Render(name, template, "hold", mac.ToString(), mac, address, network, [server], map.Manifest.KernelArguments);
    }

    private byte[] Render(string name, string template, string mode, string title, MacAddress mac, Ipv4Address address, SiteNetwork network, Ipv4Address[] servers, string kernelArguments) =>
        Encoding.UTF8.GetBytes(TemplateRenderer.Render(name, template, new Dictionary<string, object?>
        {
            ["mode"] = mode,
            ["name"] = title,
            ["mac"] = mac.ToString(),
            ["address"] = $"{address}/{network.Subnet.PrefixLength.ToString(CultureInfo.InvariantCulture)}",
            ["gateway"] = network.Gateway?.ToString() ?? "",
            ["servers"] = servers.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s}:{options.HttpPort}")).ToList(),
            ["http_port"] = options.HttpPort,
            ["site_archive"] = options.HasSiteArchive,
            ["kernel_arguments"] = kernelArguments,
        }));
}
