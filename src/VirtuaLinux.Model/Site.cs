using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>One physical cluster and its SAN, as people write it in <c>site.yaml</c>.</summary>
/// <remarks>Members with a default are <c>set</c>, not <c>init</c>: see <see cref="YamlFile"/>.</remarks>
public sealed record Site
{
    /// <summary>Version of the file's format; 1.</summary>
    public int Version { get; set; } = 1;

    /// <summary>Name of the site: letters, digits and hyphens.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the image that the nodes run, such as <c>debian-13</c>.</summary>
    public string Image { get; set; } = "";

    /// <summary>Networks by name; <c>cluster</c> is the one that nodes boot from.</summary>
    public required IReadOnlyDictionary<string, SiteNetwork> Networks { get; init; }

    /// <summary>Where the shared storage is.</summary>
    public SiteSan? San { get; init; }

    /// <summary>The SAN that the site is on while it is to be moved to <see cref="San"/>; the installer moves it, and nothing else reads this.</summary>
    public SiteSan? FormerSan { get; init; }

    /// <summary>Who may log in, with their public keys.</summary>
    public IReadOnlyList<SiteAccess> Access { get; set; } = [];

    /// <summary>Sizes of the volumes of each node.</summary>
    public SiteVolumes Volumes { get; set; } = new();

    /// <summary>How the volume that all nodes share is served.</summary>
    public SiteShared? Shared { get; init; }

    /// <summary>Kernel arguments for every node, such as <c>console=ttyS0</c>.</summary>
    public string KernelArguments { get; set; } = "";

    /// <summary>Answers for an unattended installation; absent: a person is asked.</summary>
    public SiteAnswers? Answers { get; init; }

    /// <summary>The machines of the cluster.</summary>
    public required IReadOnlyList<SiteNode> Nodes { get; init; }

    /// <summary>How machines that are not in the site get the names that are proposed for them.</summary>
    public SiteDiscovery Discovery { get; set; } = new();

    /// <summary>MAC addresses of machines that boot servers never answer, whatever they ask.</summary>
    public IReadOnlyList<MacAddress> Refused { get; set; } = [];

    /// <summary>The network that nodes boot from.</summary>
    [JsonIgnore]
    public SiteNetwork ClusterNetwork => Networks["cluster"];

    /// <summary>The floating address of the shared volume: that of <see cref="Shared"/>, or else the highest one of the cluster network that the file gives to nobody; null without such a volume.</summary>
    [JsonIgnore]
    public Ipv4Address? SharedAddress => Volumes.Shared.Bytes == 0 ? null : Shared?.Address ?? HighestFreeAddress();

    private Ipv4Address? HighestFreeAddress()
    {
        var taken = Nodes.Select(n => n.Ip ?? n.Interfaces.GetValueOrDefault("cluster")?.Ip).Concat(Nodes.Select(n => n.Bmc?.Address)).Concat(San?.Portals.Select(p => (Ipv4Address?)p.Address) ?? []).Append(ClusterNetwork.Gateway).ToHashSet();
        for (var address = ClusterNetwork.Subnet.BroadcastAddress.Value - 1; address > ClusterNetwork.Subnet.Network.Value; address--)
            if (new Ipv4Address(address) is var free && !taken.Contains(free) && ClusterNetwork.Discovery?.Contains(free) != true) return free;
        return null;
    }
}

/// <summary>One network of a site.</summary>
public sealed record SiteNetwork
{
    /// <summary>The network's addresses.</summary>
    public required Ipv4Subnet Subnet { get; init; }

    /// <summary>The router, if there is one.</summary>
    public Ipv4Address? Gateway { get; init; }

    /// <summary>DNS domain of the nodes on this network.</summary>
    public string? Domain { get; init; }

    /// <summary>Addresses that the metamaster lends to machines that are not in the site.</summary>
    public Ipv4Range? Discovery { get; init; }
}

/// <summary>The SAN: portals, target and LUN of iSCSI (RFC 7143), or ports, subsystem and namespace of NVMe/TCP.</summary>
public sealed record SiteSan
{
    /// <summary>How nodes reach it: <c>iscsi</c>, unless given, or <c>nvme-tcp</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public SanTransport Transport { get; set; }

    /// <summary>Portals, as <c>address:port</c>; the port is 3260 unless given, and 4420 with <c>nvme-tcp</c>.</summary>
    public required IReadOnlyList<SanPortal> Portals
    {
        get => [.. field.Select(p => p.Port == 0 ? p with { Port = Transport == SanTransport.NvmeTcp ? SanPortal.NvmePort : SanPortal.IscsiPort } : p)];
        init;
    }

    /// <summary>The target's iSCSI qualified name; with <c>nvme-tcp</c> the subsystem's NVMe qualified name.</summary>
    public required string Target { get; init; }

    /// <summary>Logical unit number, or with <c>nvme-tcp</c> number of the namespace; 1 unless given.</summary>
    public int Lun { get; set; } = 1;

    /// <summary>World-wide identifier of the LUN, in place of <see cref="Lun"/>.</summary>
    public string? Wwid { get; init; }

    /// <summary>CHAP authentication (RFC 1994), if the target asks for it; not with <c>nvme-tcp</c>.</summary>
    public SiteChap? Chap { get; init; }
}

/// <summary>CHAP user and the file that holds the secret.</summary>
public sealed record SiteChap
{
    /// <summary>User name.</summary>
    public required string User { get; init; }

    /// <summary>File with the secret in its first line, relative to the site file. The secret itself is never in the site or the manifest.</summary>
    public required string SecretFile { get; init; }
}

/// <summary>One person's account on every node.</summary>
public sealed record SiteAccess
{
    /// <summary>Account name.</summary>
    public required string User { get; init; }

    /// <summary>Public keys in the format of <c>authorized_keys</c> (sshd(8)).</summary>
    public IReadOnlyList<string> SshKeys { get; set; } = [];
}

/// <summary>Sizes of volumes.</summary>
public sealed record SiteVolumes
{
    /// <summary>Space for the changed blocks of a node's root; also its apparent size.</summary>
    public ByteSize Root { get; set; } = ByteSize.FromGiB(8);

    /// <summary>A node's private volume for what must not be lost.</summary>
    public ByteSize Local { get; set; } = ByteSize.FromGiB(2);

    /// <summary>The volume that all nodes share; 0 for none.</summary>
    public ByteSize Shared { get; set; }

    /// <summary>Part of the volume group that is kept free, such as <c>10%</c>.</summary>
    public Percentage Reserve { get; set; } = new(10);
}

/// <summary>The volume that all nodes share, as one of them exports it by NFS.</summary>
public sealed record SiteShared
{
    /// <summary>The floating address on the cluster network that the node which serves it has; the highest one that the file gives to nobody unless written.</summary>
    public Ipv4Address? Address { get; init; }
}

/// <summary>What an unattended installation may do without asking. None of it ever reinstalls a finished site.</summary>
public sealed record SiteAnswers
{
    /// <summary>Yes to the plan.</summary>
    public bool Install { get; init; }

    /// <summary>WWID of the LUN whose foreign data may be destroyed: the second, explicit yes.</summary>
    public string? OverwriteLun { get; init; }

    /// <summary>Demote when this many peers are up, not only when all are.</summary>
    public int? AcceptPeers { get; init; }
}

/// <summary>One machine of the cluster: the short form with <see cref="Mac"/> and <see cref="Ip"/>, or the long one with <see cref="Interfaces"/>.</summary>
public sealed record SiteNode
{
    /// <summary>Host name (RFC 1123).</summary>
    public required string Name { get; init; }

    /// <summary>MAC address of the interface on the cluster network.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>Address on the cluster network.</summary>
    public Ipv4Address? Ip { get; init; }

    /// <summary>Interfaces by name of their network.</summary>
    public IReadOnlyDictionary<string, SiteInterface> Interfaces { get; set; } = new Dictionary<string, SiteInterface>();

    /// <summary>Management board, if there is one.</summary>
    public SiteBmc? Bmc { get; init; }

    /// <summary>Slot of the chassis, counted from 1.</summary>
    public int? Slot { get; init; }
}

/// <summary>One network interface of a node.</summary>
public sealed record SiteInterface
{
    /// <summary>Hardware address.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>Address on that network.</summary>
    public required Ipv4Address Ip { get; init; }
}

/// <summary>A management board.</summary>
public sealed record SiteBmc
{
    /// <summary>Its address.</summary>
    public required Ipv4Address Address { get; init; }
}
