using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node;

/// <summary>What the boot script tells the initrd on the kernel's command line.</summary>
public sealed record BootParameters
{
    /// <summary>What the machine shall become.</summary>
    public required BootMode Mode { get; init; }

    /// <summary>The interface that the machine booted from; absent where no boot server is behind it (<see cref="BootMode.Metamaster"/>, <see cref="BootMode.Starter"/>).</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>Address of that interface.</summary>
    public Ipv4Address? Ip { get; init; }

    /// <summary>Its subnet.</summary>
    public Ipv4Subnet? Subnet { get; init; }

    /// <summary>The router.</summary>
    public Ipv4Address? Gateway { get; init; }

    /// <summary>Boot servers in this machine's order, as <c>address:port</c>.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];

    /// <summary>Reads the <c>virtualinux.*</c> arguments.</summary>
    /// <exception cref="FailureException">One is missing or not what it should be.</exception>
    public static BootParameters Parse(KernelArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var mode = arguments["virtualinux.mode"] switch
        {
            "node" => BootMode.Node,
            "hold" => BootMode.Hold,
            "metamaster" => BootMode.Metamaster,
            "starter" => BootMode.Starter,
            var other => throw new FailureException($"kernel argument virtualinux.mode is '{other}'; boot with node, hold, metamaster or starter"),
        };
        if (mode is BootMode.Metamaster or BootMode.Starter) return new BootParameters { Mode = mode };
        var ip = arguments["virtualinux.ip"] ?? "";
        var slash = ip.IndexOf('/');
        if (slash < 0 || !Ipv4Address.TryParse(ip[..slash], null, out var address) || !int.TryParse(ip.AsSpan(slash + 1), out var prefix) || prefix is < 0 or > 32)
            throw new FailureException($"kernel argument virtualinux.ip is '{ip}'; the boot script should give it as 192.168.77.12/24");
        if (!MacAddress.TryParse(arguments["virtualinux.mac"], null, out var mac))
            throw new FailureException($"kernel argument virtualinux.mac is '{arguments["virtualinux.mac"]}'; the boot script should give it as 52:54:00:77:00:02");
        var mask = new Ipv4Subnet(default, prefix).Mask;
        return new BootParameters
        {
            Mode = mode,
            Mac = mac,
            Ip = address,
            Subnet = new Ipv4Subnet(new Ipv4Address(address.Value & mask.Value), prefix),
            Gateway = Ipv4Address.TryParse(arguments["virtualinux.gateway"], null, out var gateway) ? gateway : null,
            Servers = arguments["virtualinux.servers"]?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [],
        };
    }
}

/// <summary>What a machine that started our initrd shall become.</summary>
public enum BootMode
{
    /// <summary>A node of the site.</summary>
    Node,

    /// <summary>A machine that is not in the site: it reports what it is and waits.</summary>
    Hold,

    /// <summary>The machine that was started from the installer's medium.</summary>
    Metamaster,

    /// <summary>A node that firmware started from the LUN itself: nobody told it who it is.</summary>
    Starter,
}
