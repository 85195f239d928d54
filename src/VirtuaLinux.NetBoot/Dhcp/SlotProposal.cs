using System.Globalization;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The place in the site that is proposed for a machine that was discovered.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Slot">Its slot; null when the site's rule gives it none.</param>
/// <param name="Name">The name that belongs to the slot; null without one.</param>
/// <param name="Address">The address that belongs to it; null without one.</param>
/// <param name="Reason">Why there is no proposal; empty when there is one.</param>
public sealed record SlotProposal(DiscoveredMachine Machine, int? Slot, string? Name, Ipv4Address? Address, string Reason)
{
    /// <summary>Proposes a place for each machine, by the site's rule; machines that are refused get none.</summary>
    public static IReadOnlyList<SlotProposal> For(Site site, IEnumerable<DiscoveredMachine> machines)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(machines);
        // A node without a slot has the one of its place in the list.
        var slots = site.Nodes.Select((n, i) => n.Slot ?? i + 1).ToHashSet();
        var taken = site.Nodes.Select(n => ManifestNode.From(n).Cluster.Ip).ToHashSet();
        List<SlotProposal> proposals = [];
        foreach (var machine in machines.OrderBy(m => m.FirstSeen))
        {
            if (machine.IsRefused)
            {
                proposals.Add(new(machine, null, null, null, "refused by the site file"));
                continue;
            }
            var (slot, reason) = SlotOf(site, machine, slots);
            if (slot is not { } number || !slots.Add(number))
            {
                proposals.Add(new(machine, null, null, null, slot is null ? reason : $"slot {slot} has a node already"));
                continue;
            }
            var address = AddressOf(site, number, taken);
            if (address is { } free) taken.Add(free);
            proposals.Add(new(machine, number, NameOf(site, number), address, address is null ? "the cluster network has no free address" : ""));
        }
        return proposals;
    }

    private static (int? Slot, string Reason) SlotOf(Site site, DiscoveredMachine machine, HashSet<int> slots) => site.Discovery.Slots switch
    {
        SlotRule.Option82 when machine.Port is null => (null, "no relay agent names its switch port (option 82)"),
        SlotRule.Option82 => site.Discovery.Ports.TryGetValue(machine.Port!, out var slot) ? (slot, "") : (null, $"discovery.ports has no port \"{machine.Port}\""),
        SlotRule.List => site.Discovery.Machines.Where(m => MacAddress.TryParse(m.Key, null, out var mac) ? mac == machine.Mac : string.Equals(m.Key, machine.Uuid, StringComparison.OrdinalIgnoreCase)).Select(m => (int?)m.Value).FirstOrDefault() is { } slot
            ? (slot, "")
            : (null, "discovery.machines has neither its MAC address nor its UUID"),
        _ => (Enumerable.Range(1, slots.Count + 1).First(s => !slots.Contains(s)), ""),
    };

    /// <summary>As the site's other nodes are called: <c>blade07</c> beside <c>blade01</c>.</summary>
    private static string NameOf(Site site, int slot)
    {
        var example = site.Nodes.Select(n => n.Name).FirstOrDefault(n => char.IsAsciiDigit(n[^1])) ?? "node01";
        var prefix = example.TrimEnd([.. "0123456789"]);
        return prefix + slot.ToString(CultureInfo.InvariantCulture).PadLeft(example.Length - prefix.Length, '0');
    }

    /// <summary>As far from the first node's address as the slots are apart; the lowest free one when that is taken or not to be had.</summary>
    private static Ipv4Address? AddressOf(Site site, int slot, HashSet<Ipv4Address> taken)
    {
        var network = site.ClusterNetwork;
        bool IsFree(Ipv4Address a) => network.Subnet.IsHost(a) && a != network.Gateway && !taken.Contains(a) && network.Discovery?.Contains(a) != true && site.San?.Portals.Any(p => p.Address == a) != true;
        if (site.Nodes is [var first, ..])
        {
            var wanted = new Ipv4Address((uint)(ManifestNode.From(first).Cluster.Ip.Value + slot - (first.Slot ?? 1)));
            if (IsFree(wanted)) return wanted;
        }
        for (var value = network.Subnet.Network.Value + 1; value < network.Subnet.BroadcastAddress.Value; value++)
            if (IsFree(new Ipv4Address(value))) return new Ipv4Address(value);
        return null;
    }
}
