using CsCheck;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

public class DhcpResponderTests
{
    private static readonly Ipv4Address Server = Ipv4Address.Parse("192.168.77.1");
    private static readonly Ipv4Address Other = Ipv4Address.Parse("192.168.77.2");
    private static readonly MacAddress Stranger = MacAddress.Parse("52:54:00:99:00:01");
    private readonly byte[] reply = new byte[DhcpMessage.MaximumLength];

    [Fact]
    public void A_node_is_offered_its_own_address_and_all_it_needs()
    {
        var answer = Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2), (DhcpOption.ClientIdentifier, [1, 2, 3]), (DhcpOption.ClientMachineIdentifier, new byte[17])));
        var offer = Read(answer);
        Assert.Equal(DhcpMessageType.Offer, offer.Type);
        Assert.Equal(2, offer.Operation);
        Assert.Equal(7u, offer.TransactionId);
        Assert.Equal("192.168.77.12", offer.YourAddress.ToString());
        Assert.Equal(Server, offer.NextServer);
        Assert.Equal((DhcpRoute.Hardware, Ipv4Address.Parse("192.168.77.12")), (answer.Route, answer.Destination));
        Assert.Equal("255.255.255.0", Address(offer, DhcpOption.SubnetMask));
        Assert.Equal("192.168.77.254", Address(offer, DhcpOption.Router));
        Assert.Equal("192.168.77.1", Address(offer, DhcpOption.ServerIdentifier));
        Assert.Equal("192.168.77.1", Address(offer, DhcpOption.DomainNameServer));
        Assert.Equal("192.168.77.255", Address(offer, DhcpOption.BroadcastAddress));
        Assert.Equal("255.255.255.255", Address(offer, DhcpOption.LeaseTime));
        Assert.True(offer.TryGetOption(DhcpOption.HostName, out var name) && name.SequenceEqual("node02"u8));
        Assert.True(offer.TryGetOption(DhcpOption.DomainName, out var domain) && domain.SequenceEqual("blade16.internal"u8));
        Assert.True(offer.TryGetOption(DhcpOption.ClientIdentifier, out var identifier) && identifier.SequenceEqual((byte[])[1, 2, 3]));
        Assert.True(offer.TryGetOption(DhcpOption.ClientMachineIdentifier, out var machine) && machine.Length == 17);
    }

    [Fact]
    public void A_request_for_another_server_gets_silence()
    {
        var request = DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(2), (DhcpOption.ServerIdentifier, DhcpPacket.Bytes(Other)), (DhcpOption.RequestedAddress, [192, 168, 77, 12]));
        Assert.Equal(0, Ask(Responder(), request).Length);
    }

    [Theory]
    [InlineData("192.168.77.12", DhcpMessageType.Ack)]
    [InlineData("192.168.77.13", DhcpMessageType.Nak)]
    [InlineData("10.0.0.1", DhcpMessageType.Nak)]
    public void A_request_is_confirmed_only_for_the_right_address(string wish, DhcpMessageType expected)
    {
        var address = DhcpPacket.Bytes(Ipv4Address.Parse(wish));
        var selecting = DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(2), (DhcpOption.ServerIdentifier, DhcpPacket.Bytes(Server)), (DhcpOption.RequestedAddress, address));
        Assert.Equal(expected, Read(Ask(Responder(), selecting)).Type);
        var afterReboot = DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(2), (DhcpOption.RequestedAddress, address));
        Assert.Equal(expected, Read(Ask(Responder(), afterReboot)).Type);
    }

    [Fact]
    public void A_renewal_is_answered_to_the_client_itself()
    {
        var header = new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), ClientAddress = Ipv4Address.Parse("192.168.77.12") };
        var answer = Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Request, header));
        Assert.Equal(DhcpMessageType.Ack, Read(answer).Type);
        Assert.Equal("192.168.77.12", answer.Destination.ToString());
    }

    [Fact]
    public void An_inform_gets_parameters_but_no_address_and_only_inside_the_subnet()
    {
        var header = new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), ClientAddress = Ipv4Address.Parse("192.168.77.12") };
        var answer = Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Inform, header));
        Assert.Equal(Ipv4Address.Any, Read(answer).YourAddress);
        Assert.False(Read(answer).TryGetOption(DhcpOption.LeaseTime, out _));
        Assert.Equal("192.168.77.12", answer.Destination.ToString());
        Assert.Equal(0, Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Inform, header with { ClientAddress = Ipv4Address.Parse("8.8.8.8") })).Length);
    }

    [Fact]
    public void A_relayed_request_is_answered_to_the_relay_with_its_option_and_the_broadcast_flag_kept()
    {
        var header = new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), RelayAddress = Ipv4Address.Parse("192.168.77.253"), Flags = 0x8000 };
        var answer = Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Discover, header, (DhcpOption.RelayAgentInformation, [1, 1, 9])));
        Assert.Equal(DhcpRoute.Relay, answer.Route);
        Assert.Equal("192.168.77.253", answer.Destination.ToString());
        Assert.True(Read(answer).IsBroadcast);
        Assert.True(Read(answer).TryGetOption(DhcpOption.RelayAgentInformation, out var value) && value.SequenceEqual((byte[])[1, 1, 9]));
        Assert.Equal(0, Ask(Responder(), DhcpPacket.Request(DhcpMessageType.Discover, header with { RelayAddress = Ipv4Address.Parse("10.9.9.9") })).Length);
    }

    [Fact]
    public void A_machine_that_is_not_in_the_manifest_gets_silence()
    {
        var responder = Responder();
        var first = Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, Stranger));
        Assert.Equal(0, first.Length);
        Assert.Equal("dhcp ignored mac=52:54:00:99:00:01 reason=\"not in the manifest\"", first.Event.ToString());
    }

    [Fact]
    public void The_metamaster_lends_addresses_to_strangers_in_order_of_arrival_and_keeps_them()
    {
        var responder = Responder(new DiscoveryPool(TestSite.Manifest().ClusterNetwork.Discovery!.Value));
        string[] Round() => [.. Enumerable.Range(0, 4).Select(i => Read(Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, new MacAddress(Stranger.Value + (ulong)i)))).YourAddress.ToString())];
        Assert.Equal(["192.168.77.200", "192.168.77.201", "192.168.77.202", "192.168.77.203"], Round());
        Assert.Equal(["192.168.77.200", "192.168.77.201", "192.168.77.202", "192.168.77.203"], Round());
        var fifth = Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, new MacAddress(Stranger.Value + 9)));
        Assert.Equal(0, fifth.Length);
        Assert.Equal(DhcpEventKind.Exhausted, fifth.Event.Kind);
        Assert.Equal("192.168.77.12", Read(Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2)))).YourAddress.ToString());
    }

    [Fact]
    public void A_declined_address_is_not_lent_again()
    {
        var responder = Responder(new DiscoveryPool(TestSite.Manifest().ClusterNetwork.Discovery!.Value));
        Assert.Equal("192.168.77.200", Read(Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, Stranger))).YourAddress.ToString());
        Ask(responder, DhcpPacket.Request(DhcpMessageType.Decline, Stranger, (DhcpOption.ServerIdentifier, DhcpPacket.Bytes(Server)), (DhcpOption.RequestedAddress, [192, 168, 77, 200])));
        Assert.Equal("192.168.77.201", Read(Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, Stranger))).YourAddress.ToString());
    }

    [Fact]
    public void A_new_manifest_counts_from_the_next_packet_on()
    {
        var source = new ManifestSource(TestSite.Manifest(nodes: 1));
        var responder = Responder(null, source);
        Assert.Equal(0, Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2))).Length);
        source.Current = TestSite.Manifest(nodes: 2);
        Assert.NotEqual(0, Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2))).Length);
    }

    [Fact]
    public void A_crowd_of_servers_answers_in_widening_circles_until_all_do()
    {
        var servers = Enumerable.Range(1, 20).Select(i => TestSite.Host("192.168.77.0/24", 100 + i)).ToList();
        var responders = servers.Select(s => new DhcpResponder(new DhcpResponderOptions { Address = s, Manifest = new ManifestSource(TestSite.Manifest()), Servers = _ => servers, Loaders = Loaders })).ToList();
        int[] answering = [.. Enumerable.Range(0, 4).Select(_ => responders.Count(r => Ask(r, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1))).Length > 0))];
        Assert.Equal([3, 6, 12, 20], answering);
    }

    [Fact]
    public void Two_servers_answer_alike_but_for_what_names_them() => Gen.Select(Gen.Int[1, 3], Gen.Int[0, 3].Select(i => i switch { 0 => 0, 1 => 7, 2 => 16, _ => 99 }), Gen.Bool, Gen.UShort).Sample((node, architecture, isIpxe, flags) =>
    {
        IReadOnlyList<Ipv4Address> servers = [Server, Other];
        List<(DhcpOption, byte[])> options = [(DhcpOption.ClientMachineIdentifier, new byte[17])];
        if (architecture != 99) options.Add((DhcpOption.ClientArchitecture, [0, (byte)architecture]));
        if (isIpxe) options.Add((DhcpOption.UserClass, "iPXE"u8.ToArray()));
        var request = DhcpPacket.Request(DhcpMessageType.Discover, new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(node), Flags = flags }, [.. options]);
        byte[] Answer(Ipv4Address address)
        {
            var buffer = new byte[DhcpMessage.MaximumLength];
            var responder = new DhcpResponder(new DhcpResponderOptions { Address = address, Manifest = new ManifestSource(TestSite.Manifest()), Servers = _ => servers, Loaders = Loaders });
            return buffer[..responder.Answer(request, buffer, 0).Length];
        }
        // Server identifier, next server, TFTP server name and host of the URL.
        var (one, two) = (Answer(Server), Answer(Other));
        Assert.Equal(one.Length, two.Length);
        var different = Enumerable.Range(0, one.Length).Where(i => one[i] != two[i]).ToList();
        Assert.All(different, i => Assert.True((one[i], two[i]) is (1, 2) or ((byte)'1', (byte)'2'), $"byte {i} is {one[i]} and {two[i]}"));
        Assert.InRange(different.Count, 2, 5);
    });

    [Fact]
    public void A_server_that_has_heard_of_a_newer_manifest_is_silent_until_it_has_it()
    {
        var source = new ManifestSource(TestSite.Manifest());
        var responder = Responder(null, source);
        var request = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1));
        source.Newest = source.Current.Serial + 1;
        Assert.Equal((0, DhcpEventKind.Outdated), (Ask(responder, request).Length, Ask(responder, request).Event.Kind));
        source.Current = source.Current with { Serial = source.Newest };
        Assert.NotEqual(0, Ask(responder, request).Length);
    }

    [Fact]
    public void A_machine_that_the_site_refuses_gets_no_answer_even_where_strangers_are_lent_addresses()
    {
        var source = new ManifestSource(TestSite.Manifest() with { Refused = [Stranger] });
        var pool = new DiscoveryPool(source.Current.ClusterNetwork.Discovery!.Value);
        foreach (var type in Enum.GetValues<DhcpMessageType>().Where(t => t != DhcpMessageType.None))
            Assert.Equal(0, Ask(Responder(pool, source), DhcpPacket.Request(type, Stranger)).Length);
    }

    [Theory]
    [InlineData(0, 0, false, DhcpRoute.Hardware, "192.168.77.12")]
    [InlineData(0, 0, true, DhcpRoute.Broadcast, "255.255.255.255")]
    [InlineData(12, 0, false, DhcpRoute.Client, "192.168.77.12")]
    [InlineData(12, 0, true, DhcpRoute.Client, "192.168.77.12")]
    [InlineData(0, 253, false, DhcpRoute.Relay, "192.168.77.253")]
    [InlineData(0, 253, true, DhcpRoute.Relay, "192.168.77.253")]
    [InlineData(12, 253, false, DhcpRoute.Relay, "192.168.77.253")]
    public void The_way_of_a_reply_follows_ciaddr_broadcast_flag_and_relay(int client, int relay, bool isBroadcast, DhcpRoute route, string destination)
    {
        static Ipv4Address Host(int number) => number == 0 ? default : TestSite.Host("192.168.77.0/24", number);
        var header = new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), ClientAddress = Host(client), RelayAddress = Host(relay), Flags = (ushort)(isBroadcast ? 0x8000 : 0) };
        var request = client == 0
            ? DhcpPacket.Request(DhcpMessageType.Request, header, (DhcpOption.RequestedAddress, [192, 168, 77, 12]))
            : DhcpPacket.Request(DhcpMessageType.Request, header);
        var answer = Ask(Responder(), request);
        Assert.Equal((DhcpMessageType.Ack, route, destination), (Read(answer).Type, answer.Route, answer.Destination.ToString()));
    }

    [Fact]
    public void A_proxy_gives_boot_files_but_no_addresses_and_only_to_who_boots()
    {
        var options = new DhcpResponderOptions { Address = Server, Manifest = new ManifestSource(TestSite.Manifest()), Servers = _ => [Server], Loaders = Loaders, IsProxy = true };
        var responder = new DhcpResponder(options);
        var firmware = (DhcpOption.VendorClass, "PXEClient:Arch:00000"u8.ToArray());
        var offer = Read(Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2), firmware)));
        Assert.Equal((DhcpMessageType.Offer, Ipv4Address.Any, Server), (offer.Type, offer.YourAddress, offer.NextServer));
        Assert.True(offer.File.SequenceEqual("undionly.kpxe"u8));
        Assert.True(offer.TryGetOption(DhcpOption.VendorClass, out var vendorClass) && vendorClass.SequenceEqual("PXEClient"u8));
        Assert.False(offer.TryGetOption(DhcpOption.LeaseTime, out _) || offer.TryGetOption(DhcpOption.SubnetMask, out _));
        Assert.Equal(0, Ask(responder, DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(2))).Length);
        Assert.Equal(0, Ask(responder, DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(2), firmware)).Length);
        var question = DhcpPacket.Request(DhcpMessageType.Request, new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), ClientAddress = TestSite.Host("192.168.77.0/24", 12) }, firmware);
        var answer = responder.Answer(question, reply, 0, DhcpResponder.ProxyPort);
        Assert.Equal((DhcpMessageType.Ack, DhcpRoute.Sender), (Read(answer).Type, answer.Route));
    }

    [Fact]
    public void A_reply_is_never_longer_than_the_client_takes() => Gen.Select(Gen.Int[0, 1500], Gen.Int[0, 255]).Sample((size, length) =>
    {
        var request = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), (DhcpOption.MaximumMessageSize, [(byte)(size >> 8), (byte)size]), (DhcpOption.ClientIdentifier, new byte[length]), (DhcpOption.RelayAgentInformation, new byte[255]));
        Assert.InRange(Ask(Responder(), request).Length, DhcpWriter.MinimumLength, Math.Clamp(size - 28, 548, DhcpMessage.MaximumLength));
    });

    [Fact]
    public void Random_datagrams_are_never_an_exception()
    {
        var responder = Responder(new DiscoveryPool(TestSite.Manifest().ClusterNetwork.Discovery!.Value));
        Gen.Byte.Array[0, 600].Sample(bytes =>
        {
            Ask(responder, bytes);
            if (bytes.Length < 300) return;
            DhcpPacket.Request((DhcpMessageType)(1 + bytes[0] % 8), TestSite.Node(1)).AsSpan(0, DhcpMessage.HeaderLength + 3).CopyTo(bytes);
            Ask(responder, bytes);
        }, iter: 5000, threads: 1);
    }

    private static DhcpResponder Responder(DiscoveryPool? discovery = null, ManifestSource? source = null) => new(new DhcpResponderOptions
    {
        Address = Server,
        Manifest = source ?? new ManifestSource(TestSite.Manifest()),
        Servers = _ => [Server],
        Discovery = discovery,
        Loaders = Loaders,
    });

    private static BootLoaders Loaders => new(_ => true);

    private DhcpAnswer Ask(DhcpResponder responder, byte[] request) => responder.Answer(request, reply, 0);

    private DhcpMessage Read(DhcpAnswer answer)
    {
        Assert.NotEqual(0, answer.Length);
        Assert.True(DhcpMessage.TryParse(reply.AsSpan(0, answer.Length), out var message, out _));
        return message;
    }

    private static string Address(in DhcpMessage message, DhcpOption code) => message.TryGetAddress(code, out var address) ? address.ToString() : "-";
}
