using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Initrd;

/// <summary>Brings interfaces up with static addresses: no lease that could expire under a root.</summary>
public sealed class NetworkLink(ICommandRunner runner, Coldplug coldplug)
{
    private static readonly TimeSpan CarrierDeadline = TimeSpan.FromMinutes(2);

    // The node goes on without it, and a carrier that comes later is used all the same.
    private static readonly TimeSpan OptionalDeadline = TimeSpan.FromSeconds(15);

    /// <summary>MAC addresses of this machine's Ethernet interfaces, by the kernel's name.</summary>
    public static IReadOnlyDictionary<string, MacAddress> Interfaces()
    {
        var found = new SortedDictionary<string, MacAddress>(StringComparer.Ordinal);
        foreach (var folder in Directory.GetDirectories("/sys/class/net"))
            if (Path.Exists(Path.Combine(folder, "device")) && MacAddress.TryParse(File.ReadAllText(Path.Combine(folder, "address")).Trim(), null, out var mac))
                found[Path.GetFileName(folder)] = mac;
        return found;
    }

    /// <summary>Configures all interfaces of a node, since the SAN may be behind any of them; what is not mandatory is only missed aloud.</summary>
    /// <exception cref="FailureException">The interface of the cluster network is missing, or has no carrier within two minutes.</exception>
    public async Task UpAllAsync(ManifestNode node, IReadOnlyDictionary<string, SiteNetwork> networks, Action<string> log, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(log);
        foreach (var link in NodeLink.Of(node, networks))
            try
            {
                var name = await UpAsync(link.Mac, link.Address, link.Subnet, link.Gateway, link.IsMandatory ? CarrierDeadline : OptionalDeadline, cancellationToken).ConfigureAwait(false);
                log($"network {link.Network}: {link.Address} on {name}");
            }
            catch (FailureException e) when (!link.IsMandatory)
            {
                log($"WARNING: going on without the network {link.Network}: {e.Message}");
            }
    }

    /// <summary>Configures the interface with this MAC address and waits for its carrier.</summary>
    /// <exception cref="FailureException">There is no such interface, or no carrier within two minutes.</exception>
    public Task<string> UpAsync(MacAddress mac, Ipv4Address address, Ipv4Subnet subnet, Ipv4Address? gateway, CancellationToken cancellationToken = default) =>
        UpAsync(mac, address, subnet, gateway, CarrierDeadline, cancellationToken);

    private async Task<string> UpAsync(MacAddress mac, Ipv4Address address, Ipv4Subnet subnet, Ipv4Address? gateway, TimeSpan patience, CancellationToken cancellationToken)
    {
        var deadline = DateTime.UtcNow + patience;
        var name = await WaitAsync(() => Interfaces().FirstOrDefault(i => i.Value == mac).Key, deadline, cancellationToken).ConfigureAwait(false)
            ?? throw new FailureException($"no network interface has the MAC address {mac}; this machine has {Describe()}. If a card is missing there, its driver is not in the image");
        await runner.RunAsync(ExternalCommand.Of("ip", "link", "set", "lo", "up"), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("ip", "link", "set", name, "up"), cancellationToken).ConfigureAwait(false);
        // "File exists" where the address is there already: a node booted with it before it had the manifest.
        await runner.RunAsync(ExternalCommand.Of("ip", "addr", "add", $"{address}/{subnet.PrefixLength}", "broadcast", subnet.BroadcastAddress.ToString(), "dev", name).Accepting(0, 1, 2), cancellationToken).ConfigureAwait(false);
        if (gateway is { } router)
            await runner.RunAsync(ExternalCommand.Of("ip", "route", "replace", "default", "via", router.ToString(), "dev", name).Accepting(0, 1, 2), cancellationToken).ConfigureAwait(false);
        _ = await WaitAsync(() => Carrier(name) ? name : null, deadline, cancellationToken).ConfigureAwait(false)
            ?? throw new FailureException($"interface {name} ({mac}) has no carrier; check its cable and the switch port");
        return name;
    }

    /// <summary>Bytes that this machine's interfaces received since the kernel's start.</summary>
    public static ByteSize Received() => new(Interfaces().Keys.Sum(name => long.Parse(File.ReadAllText($"/sys/class/net/{name}/statistics/rx_bytes"), System.Globalization.NumberStyles.AllowTrailingWhite, System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>The interfaces in words, for messages.</summary>
    public static string Describe() => Interfaces() is { Count: > 0 } all ? string.Join(", ", all.Select(i => $"{i.Key} {i.Value}")) : "no network interface with a driver";

    private async Task<string?> WaitAsync(Func<string?> condition, DateTime deadline, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (condition() is { } found) return found;
            if (DateTime.UtcNow > deadline) return null;
            await coldplug.LoadNewAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool Carrier(string name)
    {
        try
        {
            return File.ReadAllText($"/sys/class/net/{name}/carrier").StartsWith('1');
        }
        catch (IOException)
        {
            return false; // the kernel refuses the read while the interface is down
        }
    }
}
