using System.Buffers.Binary;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The DHCP server without its sockets: a datagram in, a reply or silence out (RFC 2131, section 4.3).</summary>
public sealed class DhcpResponder(DhcpResponderOptions options)
{
    private const int MaximumStrangers = 4096;
    private readonly Lock gate = new();
    private readonly AttemptCounter attempts = new();
    private readonly HashSet<MacAddress> strangers = [];

    /// <summary>Answers one datagram.</summary>
    /// <param name="datagram">The UDP payload.</param>
    /// <param name="reply">Where the reply is written; <see cref="DhcpMessage.MaximumLength"/> bytes.</param>
    /// <param name="now">The time, for counting attempts.</param>
    public DhcpAnswer Answer(ReadOnlySpan<byte> datagram, Span<byte> reply, DateTimeOffset now)
    {
        if (!DhcpMessage.TryParse(datagram, out var request, out _) || request.Operation != 1) return DhcpAnswer.Silence();
        var map = options.Manifest.Map;
        // Behind a relay the client's subnet is the relay's; a relay of a foreign subnet is not ours to answer.
        if (map.NetworkOf(request.RelayAddress == Ipv4Address.Any ? options.Address : request.RelayAddress) is not { } network) return DhcpAnswer.Silence();
        lock (gate)
        {
            if (Identify(request, map, network) is not { } client) return Stranger(request);
            return request.Type switch
            {
                DhcpMessageType.Discover => Offer(request, client, map, reply, now),
                DhcpMessageType.Request => Confirm(request, client, map, reply, now),
                DhcpMessageType.Inform => Inform(request, client, map, reply),
                DhcpMessageType.Decline => Decline(request, client),
                DhcpMessageType.Release => DhcpAnswer.Silence($"dhcp release mac={request.ClientMac} ip={client.Address}"),
                _ => DhcpAnswer.Silence(),
            };
        }
    }

    private DhcpClient? Identify(in DhcpMessage request, StaticMap map, string network)
    {
        var mac = request.ClientMac;
        if (map.Find(mac, network) is { } host) return new DhcpClient(host.Address, host.Network, host.Node.Name, uint.MaxValue);
        if (options.Discovery is not { } pool || !map.Manifest.Networks[network].Subnet.Contains(pool.Range.First)) return null;
        if (request.Type is not (DhcpMessageType.Discover or DhcpMessageType.Request) && pool.FindAddress(mac) is null) return null;
        // Another server was chosen: this one lends nothing.
        if (request.Type == DhcpMessageType.Request && NamesAnotherServer(request) && pool.FindAddress(mac) is null) return null;
        var wish = request.TryGetAddress(DhcpOption.RequestedAddress, out var requested) ? requested : request.ClientAddress;
        var address = pool.Lend(mac, wish, a => a == options.Address || map.Find(a) is not null);
        return address is { } lent ? new DhcpClient(lent, map.Manifest.Networks[network], null, (uint)DiscoveryPool.LeaseTime.TotalSeconds) : null;
    }

    private DhcpAnswer Stranger(in DhcpMessage request)
    {
        if (strangers.Count >= MaximumStrangers || !strangers.Add(request.ClientMac)) return DhcpAnswer.Silence();
        var why = options.Discovery is null ? "not in the manifest" : "no free address in the discovery range";
        return DhcpAnswer.Silence($"dhcp ignored mac={request.ClientMac} reason=\"{why}\"");
    }

    private DhcpAnswer Offer(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply, DateTimeOffset now)
    {
        if (RankDelay(request, map, now) is not { } delay) return DhcpAnswer.Silence();
        return Send(request, client, DhcpMessageType.Offer, map, reply) with { Delay = delay };
    }

    private DhcpAnswer Confirm(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply, DateTimeOffset now)
    {
        if (request.TryGetOption(DhcpOption.ServerIdentifier, out _))
        {
            attempts.Reset(request.ClientMac);
            if (NamesAnotherServer(request)) return DhcpAnswer.Silence();
            return request.TryGetAddress(DhcpOption.RequestedAddress, out var chosen) && chosen == client.Address
                ? Send(request, client, DhcpMessageType.Ack, map, reply)
                : Refuse(request, client, reply);
        }
        // INIT-REBOOT has option 50, RENEWING and REBINDING have ciaddr.
        var claimed = request.TryGetAddress(DhcpOption.RequestedAddress, out var requested) ? requested : request.ClientAddress;
        if (RankDelay(request, map, now) is not { } delay) return DhcpAnswer.Silence();
        var answer = claimed == client.Address ? Send(request, client, DhcpMessageType.Ack, map, reply) : Refuse(request, client, reply);
        return answer with { Delay = delay };
    }

    private DhcpAnswer Inform(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply) =>
        // A forged ciaddr must not make this server send to machines elsewhere.
        client.Network.Subnet.IsHost(request.ClientAddress) ? Send(request, client, DhcpMessageType.Ack, map, reply) : DhcpAnswer.Silence();

    private DhcpAnswer Decline(in DhcpMessage request, in DhcpClient client)
    {
        if (NamesAnotherServer(request) || !request.TryGetAddress(DhcpOption.RequestedAddress, out var address)) return DhcpAnswer.Silence();
        if (client.Name is null) options.Discovery?.Decline(request.ClientMac, address);
        return DhcpAnswer.Silence($"dhcp decline mac={request.ClientMac} ip={address} reason=\"another machine uses this address\"");
    }

    private TimeSpan? RankDelay(in DhcpMessage request, StaticMap map, DateTimeOffset now)
    {
        var rank = ServerOrder.RankOf(options.Address, request.ClientMac, options.Servers(map.Manifest));
        return ServerOrder.DelayOf(rank, attempts.Next(request.ClientMac, now));
    }

    private bool NamesAnotherServer(in DhcpMessage request) =>
        request.TryGetOption(DhcpOption.ServerIdentifier, out _) && (!request.TryGetAddress(DhcpOption.ServerIdentifier, out var server) || server != options.Address);

    private DhcpAnswer Send(in DhcpMessage request, in DhcpClient client, DhcpMessageType type, StaticMap map, Span<byte> reply)
    {
        var isInform = request.Type == DhcpMessageType.Inform;
        var boot = BootDecision.For(request, options.Address, options.HttpPort);
        var writer = new DhcpWriter(reply[..SizeFor(request)], Header(request) with
        {
            ClientAddress = type == DhcpMessageType.Ack ? request.ClientAddress : default,
            YourAddress = isInform ? default : client.Address,
            NextServer = options.Address,
        }, type);
        writer.Add(DhcpOption.ServerIdentifier, options.Address);
        if (!isInform) writer.Add(DhcpOption.LeaseTime, client.LeaseSeconds);
        Echo(request, ref writer);
        AddBoot(boot, ref writer);
        AddNetwork(request, client, map, ref writer);
        AddRelay(request, ref writer);
        var who = client.Name is { } name ? $"node={name}" : "node=-";
        var what = boot.Client == BootClient.Unsupported ? $"unsupported architecture {boot.Architecture}" : boot.File ?? "-";
        return Route(request, type) with
        {
            Length = writer.Finish(),
            Client = request.ClientMac,
            Log = $"dhcp {(type == DhcpMessageType.Offer ? "offer" : "ack")} mac={request.ClientMac} {who} ip={client.Address} client={boot.Client} file=\"{what}\"",
        };
    }

    private DhcpAnswer Refuse(in DhcpMessage request, in DhcpClient client, Span<byte> reply)
    {
        var header = Header(request);
        // A relay must broadcast a NAK: the client may not own the address that it claims (RFC 2131, section 4.3.2).
        if (request.RelayAddress != Ipv4Address.Any) header = header with { Flags = (ushort)(header.Flags | 0x8000) };
        var writer = new DhcpWriter(reply[..SizeFor(request)], header, DhcpMessageType.Nak);
        writer.Add(DhcpOption.ServerIdentifier, options.Address);
        writer.Add(DhcpOption.Message, "wrong address");
        Echo(request, ref writer);
        AddRelay(request, ref writer);
        return Route(request, DhcpMessageType.Nak) with { Length = writer.Finish(), Log = $"dhcp nak mac={request.ClientMac} ip={client.Address}" };
    }

    private static DhcpHeader Header(in DhcpMessage request) => new()
    {
        Operation = 2,
        TransactionId = request.TransactionId,
        Flags = request.Flags,
        RelayAddress = request.RelayAddress,
        ClientMac = request.ClientMac,
    };

    /// <summary>RFC 2131, section 4.1. A client without an address gets a broadcast whether it sets the flag or not: every client takes one.</summary>
    private static DhcpAnswer Route(in DhcpMessage request, DhcpMessageType type)
    {
        if (request.RelayAddress != Ipv4Address.Any) return new DhcpAnswer { Destination = request.RelayAddress, ToRelay = true };
        var hasAddress = type == DhcpMessageType.Ack && request.ClientAddress != Ipv4Address.Any;
        return new DhcpAnswer { Destination = hasAddress ? request.ClientAddress : Ipv4Address.Broadcast };
    }

    private static int SizeFor(in DhcpMessage request)
    {
        const int headers = 28;
        var offered = request.TryGetOption(DhcpOption.MaximumMessageSize, out var value) && value.Length == 2 ? BinaryPrimitives.ReadUInt16BigEndian(value) : 576;
        return Math.Clamp(offered - headers, 576 - headers, DhcpMessage.MaximumLength);
    }

    private static void Echo(in DhcpMessage request, ref DhcpWriter writer)
    {
        if (request.TryGetOption(DhcpOption.ClientIdentifier, out var identifier)) writer.Add(DhcpOption.ClientIdentifier, identifier);
        // Some firmware sends option 97 empty; only the form of RFC 4578 goes back.
        if (request.TryGetOption(DhcpOption.ClientMachineIdentifier, out var machine) && machine.Length == 17) writer.Add(DhcpOption.ClientMachineIdentifier, machine);
    }

    private static void AddRelay(in DhcpMessage request, ref DhcpWriter writer)
    {
        if (request.TryGetOption(DhcpOption.RelayAgentInformation, out var relay)) writer.Add(DhcpOption.RelayAgentInformation, relay);
    }

    private void AddBoot(in BootDecision boot, ref DhcpWriter writer)
    {
        if (boot.File is not { } file) return;
        writer.Add(DhcpOption.VendorClass, boot.VendorClass);
        writer.SetFile(file);
        writer.Add(DhcpOption.BootFileName, file);
        if (boot.Client != BootClient.UefiHttp) writer.Add(DhcpOption.TftpServerName, options.Address.ToString());
        // PXE tag 6 = 8: boot from the file name, without a search for boot servers or a menu (PXE 2.1, table 2-1).
        if (boot.VendorClass == "PXEClient") writer.Add(DhcpOption.VendorSpecific, [6, 1, 8, 255]);
        // iPXE option 176: do not wait for a ProxyDHCP server; saves seconds of each boot.
        if (boot.Client == BootClient.Ipxe) writer.Add(DhcpOption.Ipxe, [176, 1, 1]);
    }

    private void AddNetwork(in DhcpMessage request, in DhcpClient client, StaticMap map, ref DhcpWriter writer)
    {
        var subnet = client.Network.Subnet;
        writer.Add(DhcpOption.SubnetMask, subnet.Mask);
        if (client.Network.Gateway is { } gateway) writer.Add(DhcpOption.Router, gateway);
        if (request.Wants(DhcpOption.DomainNameServer))
        {
            var self = client.Address;
            writer.Add(DhcpOption.DomainNameServer, [.. ServerOrder.For(request.ClientMac, options.Servers(map.Manifest).Where(s => s != self)).Take(3)]);
        }
        if (request.Wants(DhcpOption.HostName)) writer.Add(DhcpOption.HostName, client.Name);
        if (request.Wants(DhcpOption.DomainName)) writer.Add(DhcpOption.DomainName, client.Network.Domain);
        if (request.Wants(DhcpOption.BroadcastAddress)) writer.Add(DhcpOption.BroadcastAddress, subnet.BroadcastAddress);
    }

    /// <summary>What is known of the sender: its address, network, name (null for a machine that is not in the manifest) and lease time.</summary>
    private readonly record struct DhcpClient(Ipv4Address Address, SiteNetwork Network, string? Name, uint LeaseSeconds);
}
