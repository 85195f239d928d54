using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>What a lab is made of.</summary>
public sealed partial record LabOptions
{
    /// <summary>Folder for everything the lab writes: state, SAN, console logs, keys. Absolute.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Folder for the SAN's file; <see cref="StateDirectory"/> unless given. Absolute.</summary>
    public string? SanDirectory { get; init; }

    /// <summary>Short name of the lab; its network namespace is <c>vl-NAME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The blades.</summary>
    public required IReadOnlyList<BladeOptions> Blades { get; init; }

    /// <summary>What stands in for the SAN.</summary>
    public SanKind SanKind { get; set; }

    /// <summary>Size of the SAN's one LUN; its file is sparse.</summary>
    public ByteSize SanSize { get; set; } = ByteSize.FromGiB(32);

    /// <summary>iSCSI qualified name of the SAN's target (RFC 3720, section 3.2.6.3.1), or NVMe qualified name of its subsystem.</summary>
    public string Target { get => field ?? $"{(SanKind == SanKind.Nvmet ? "nqn" : "iqn")}.2026-11.org.virtualinux:san"; set; }

    /// <summary>CHAP user (RFC 1994) that the target asks for.</summary>
    public string ChapUser { get; set; } = "lab";

    /// <summary>CHAP secret: 12 to 16 characters, the lengths that every initiator takes.</summary>
    public string ChapSecret { get; set; } = "lab-secret-12";

    /// <summary>The target of another array, which <see cref="LabSan.AddTargetAsync"/> makes.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public LabTarget Other => new($"{Target}-other", "other", "other-secret-34");

    /// <summary>The boot network. Its first address is the SAN's, the blades' begin at the eleventh.</summary>
    public Ipv4Subnet Subnet { get; set; } = Ipv4Subnet.Parse("192.168.77.0/24");

    /// <summary>Networks between the blades and the SAN: the boot network, and with 2 a second one, <c>storage</c>, in the subnet that follows, with a card of each blade and a portal of the SAN.</summary>
    public int Networks { get; set; } = 1;

    /// <summary>Kernel that <c>/dev/kvm</c> is tried with, or an installer ISO, which has one; absent: the host's newest in <c>/boot</c>. With none, blades are emulated. A SAN with a machine of its own needs an ISO.</summary>
    public string? ProbeKernel { get; init; }

    /// <summary>How blades run; absent: what the probe finds.</summary>
    public Accelerator? Accelerator { get; init; }

    /// <summary>The lab's network namespace.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Namespace => $"vl-{Name}";

    /// <summary>Address of the SAN on the boot network.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Ipv4Address SanAddress => new(Subnet.Network.Value + 1);

    /// <summary>Address of the host on the boot network: the SAN's, as long as that is a program on the host.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Ipv4Address HostAddress => SanKind == SanKind.Tgt ? SanAddress : new(SanAddress.Value + 1);

    /// <summary>Where the SAN listens on the boot network.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public SanPortal Portal => Portals[0];

    /// <summary>Where the SAN listens: one portal for each network.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyList<SanPortal> Portals => [.. NetworkNumbers.Select(n => new SanPortal(On(n, SanAddress), SanKind == SanKind.Nvmet ? SanPortal.NvmePort : SanPortal.IscsiPort))];

    internal IEnumerable<int> NetworkNumbers => Enumerable.Range(1, Networks);

    /// <summary>Name of a network in the site, and of what blades are joined to it with.</summary>
    /// <param name="network">Its number, from 1.</param>
    internal static string NetworkName(int network) => network == 1 ? "cluster" : "storage";

    internal Ipv4Subnet SubnetOf(int network) => new(On(network, Subnet.Network), Subnet.PrefixLength);

    /// <summary>The address in the same place of another network.</summary>
    internal Ipv4Address On(int network, Ipv4Address address) => new(address.Value + ((uint)(network - 1) << (32 - Subnet.PrefixLength)));

    /// <summary>The blade's card on a network.</summary>
    internal static MacAddress CardOn(int network, MacAddress boot) => new(boot.Value + ((ulong)(network - 1) << 16));

    /// <summary>Refuses a network that the lab does not have.</summary>
    internal void CheckNetwork(int network)
    {
        if (network < 1 || network > Networks) throw new FailureException($"the lab has no network {network}; write {(Networks == 1 ? "1, or make the lab with '--networks 2'" : "1 or 2")}");
    }

    /// <summary>Blades <c>node01</c>, <c>node02</c>… with addresses from <c>.11</c> on and MACs from <c>52:54:00:77:00:01</c> on.</summary>
    /// <param name="firmware">One entry for each blade.</param>
    /// <param name="subnet">The boot network; 192.168.77.0/24 unless given.</param>
    public static IReadOnlyList<BladeOptions> NumberedBlades(IReadOnlyList<Firmware> firmware, Ipv4Subnet? subnet = null)
    {
        ArgumentNullException.ThrowIfNull(firmware);
        var network = (subnet ?? Ipv4Subnet.Parse("192.168.77.0/24")).Network.Value;
        return [.. firmware.Select((kind, i) => new BladeOptions
        {
            Name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"node{i + 1:00}"),
            Mac = new MacAddress(0x5254_0077_0000UL + (ulong)(i + 1)),
            Ip = new Ipv4Address(network + 11 + (uint)i),
            Firmware = kind,
        })];
    }

    /// <summary>Checks names and addresses before anything is started.</summary>
    /// <exception cref="FailureException">What is wrong, and what to write.</exception>
    public void Validate()
    {
        if (!ShortName().IsMatch(Name)) throw new FailureException($"lab name '{Name}': use at most 12 lower-case letters, digits and hyphens");
        if (!Path.IsPathRooted(StateDirectory)) throw new FailureException($"state directory '{StateDirectory}': give an absolute path");
        if (ChapSecret.Length is < 12 or > 16) throw new FailureException("the CHAP secret must have 12 to 16 characters");
        if (Networks is not (1 or 2)) throw new FailureException($"a lab has 1 or 2 networks, not {Networks}");
        if (SanKind != SanKind.Tgt && ProbeKernel?.EndsWith(".iso", StringComparison.Ordinal) != true) throw new FailureException("a SAN with LIO or nvmet runs the kernel of an installer ISO; name one");
        foreach (var blade in Blades)
            if (!ShortName().IsMatch(blade.Name)) throw new FailureException($"blade name '{blade.Name}': use at most 12 lower-case letters, digits and hyphens");
        Unique(Blades.Select(b => b.Name), "name");
        Unique(Blades.Select(b => b.Mac.ToString()), "MAC address");
        Unique(Blades.Select(b => b.Ip.ToString()), "address");
    }

    private static void Unique(IEnumerable<string> values, string what)
    {
        if (values.GroupBy(v => v).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new FailureException($"two blades have the {what} {twice.Key}");
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,11}$")]
    private static partial Regex ShortName();
}
