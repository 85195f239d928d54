using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

public class SlotProposalTests
{
    private const string Uuid = "76697274-7561-4c69-8e75-525400990002";

    [Fact]
    public void In_order_of_arrival_each_machine_gets_the_lowest_free_slot() => Assert.Equal(
        ["node02 192.168.77.12", "node04 192.168.77.14"],
        Propose("", Seen(1, 0), Seen(2, 1)));

    [Fact]
    public void A_switch_port_decides_where_a_relay_agent_names_it() => Assert.Equal(
        ["node07 192.168.77.17", "no relay agent names its switch port (option 82)", "discovery.ports has no port \"sw2/9\""],
        Propose("discovery: { slots: option82, ports: { \"sw1/3\": 7 } }", Seen(1, 0, "sw1/3"), Seen(2, 1), Seen(3, 2, "sw2/9")));

    [Fact]
    public void A_list_knows_machines_by_MAC_address_or_UUID() => Assert.Equal(
        ["node05 192.168.77.15", "node06 192.168.77.16", "discovery.machines has neither its MAC address nor its UUID"],
        Propose($"discovery: {{ slots: list, machines: {{ \"52-54-00-99-00-01\": 5, {Uuid.ToUpperInvariant()}: 6 }} }}", Seen(1, 0), Seen(2, 1) with { Uuid = Uuid }, Seen(3, 2)));

    [Fact]
    public void A_slot_that_has_a_node_and_a_machine_that_is_refused_get_no_proposal() => Assert.Equal(
        ["slot 3 has a node already", "refused by the site file"],
        Propose("discovery: { slots: list, machines: { \"52:54:00:99:00:01\": 3 } }", Seen(1, 0), Seen(2, 1) with { IsRefused = true }));

    [Fact]
    public void An_address_that_is_taken_is_replaced_by_the_lowest_free_one() => Assert.Equal(
        ["node190 192.168.77.1"],
        Propose("discovery: { slots: list, machines: { \"52:54:00:99:00:01\": 190 } }", Seen(1, 0)));

    private static IEnumerable<string> Propose(string discovery, params DiscoveredMachine[] machines)
    {
        var (site, errors) = SiteFile.Load("site.yaml", $$"""
            name: blade16
            networks:
              cluster: { subnet: 192.168.77.0/24, gateway: 192.168.77.254, discovery: 192.168.77.200-192.168.77.250 }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11, slot: 1 }
              - { name: node03, mac: "52:54:00:77:00:03", ip: 192.168.77.13, slot: 3 }
            {{discovery}}

            """);
        Assert.Empty(errors);
        return SlotProposal.For(site!, machines).Select(p => p.Name is null ? p.Reason : $"{p.Name} {p.Address}");
    }

    private static DiscoveredMachine Seen(int number, int order, string? port = null) =>
        new() { Mac = new MacAddress(0x525400990000 + (ulong)number), FirstSeen = DateTimeOffset.UnixEpoch.AddSeconds(order), Port = port };
}
