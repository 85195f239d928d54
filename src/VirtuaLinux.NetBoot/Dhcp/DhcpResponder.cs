using System.Buffers.Binary;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The DHCP server without its sockets: a datagram in, a reply or silence out (RFC 2131, section 4.3). Allocates nothing for machines of the manifest.</summary>
public sealed class DhcpResponder(DhcpResponderOptions options)
{
    /// <summary>Port of a ProxyDHCP server for those that were offered a boot file (PXE 2.1, section 2.2.3).</summary>
    public const int ProxyPort = 4011;

    private const int NameServers = 3;

    private readonly Lock gate = new();
    private readonly ClientMemory attempts = new();

    /// <summary>Answers one datagram.</summary>
    /// <param name="datagram">The UDP payload.</param>
    /// <param name="reply">Where the reply is written; <see cref="DhcpMessage.MaximumLength"/> bytes.</param>
    /// <param name="now">Milliseconds of a steady clock, for counting attempts.</param>
    /// <param name="port">Port that it came to: 67 or <see cref="ProxyPort"/>.</param>
    public DhcpAnswer Answer(ReadOnlySpan<byte> datagram, Span<byte> reply, long now, int port = DhcpServer.ServerPort)
    {
        if (!DhcpMessage.TryParse(datagram, out var request, out _) || request.Operation != 1) return Silence(DhcpEventKind.Malformed);
        var answer = Answer(request, reply, now, port);
        return answer with { Event = answer.Event with { Type = request.Type } };
    }

    private DhcpAnswer Answer(in DhcpMessage request, Span<byte> reply, long now, int port)
    {
        // A server that has heard of a newer manifest might answer what is no longer true.
        if (options.Manifest.IsOutdated) return Silence(DhcpEventKind.Outdated, request);
        var map = options.Manifest.Map;
        // Behind a relay the client's subnet is the relay's; a relay of a foreign subnet is not ours to answer.
        if (map.NetworkOf(request.RelayAddress == Ipv4Address.Any ? options.Address : request.RelayAddress) is not { } network) return Silence(DhcpEventKind.Foreign, request);
        lock (gate)
        {
            if (map.IsRefused(request.ClientMac))
            {
                options.Discoveries.Note(request, null, isRefused: true);
                return Silence(DhcpEventKind.Refused, request);
            }
            if (Identify(request, map, network) is not { } client) return Stranger(request);
            if (options.IsProxy) return Proxy(request, client, map, reply, now, port);
            return request.Type switch
            {
                DhcpMessageType.Discover => Offer(request, client, map, reply, now),
                DhcpMessageType.Request => Confirm(request, client, map, reply, now),
                DhcpMessageType.Inform => Inform(request, client, map, reply),
                DhcpMessageType.Decline => Decline(request, client),
                DhcpMessageType.Release => Silence(DhcpEventKind.Release, request, client),
                _ => Silence(DhcpEventKind.Idle, request),
            };
        }
    }

    private DhcpClient? Identify(in DhcpMessage request, StaticMap map, string network) =>
        map.Find(request.ClientMac, network) is { } host ? new DhcpClient(host.Address, host.Network, host.Node.Name, uint.MaxValue) : Lend(request, map, network);

    private DhcpClient? Lend(in DhcpMessage request, StaticMap map, string network)
    {
        var mac = request.ClientMac;
        if (options.IsProxy || options.Discovery is not { } pool || !map.Manifest.Networks[network].Subnet.Contains(pool.Range.First)) return null;
        if (request.Type is not (DhcpMessageType.Discover or DhcpMessageType.Request) && pool.FindAddress(mac) is null) return null;
        // Another server was chosen: this one lends nothing.
        if (request.Type == DhcpMessageType.Request && NamesAnotherServer(request) && pool.FindAddress(mac) is null) return null;
        var wish = request.TryGetAddress(DhcpOption.RequestedAddress, out var requested) ? requested : request.ClientAddress;
        if (pool.Lend(mac, wish, a => a == options.Address || map.Find(a) is not null) is not { } lent) return null;
        options.Discoveries.Note(request, lent, isRefused: false);
        return new DhcpClient(lent, map.Manifest.Networks[network], null, (uint)DiscoveryPool.LeaseTime.TotalSeconds);
    }

    private DhcpAnswer Stranger(in DhcpMessage request)
    {
        options.Discoveries.Note(request, null, isRefused: false);
        return Silence(options.Discovery is null ? DhcpEventKind.Stranger : DhcpEventKind.Exhausted, request);
    }

    private DhcpAnswer Offer(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply, long now) =>
        RankDelay(request, map, now) is { } delay ? Send(request, client, DhcpMessageType.Offer, map, reply) with { Delay = delay } : Silence(DhcpEventKind.NotItsTurn, request);

    private DhcpAnswer Confirm(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply, long now)
    {
        if (request.TryGetOption(DhcpOption.ServerIdentifier, out _))
        {
            attempts[request.ClientMac, now, renew: true] = 0;
            if (NamesAnotherServer(request)) return Silence(DhcpEventKind.Elsewhere, request);
            return request.TryGetAddress(DhcpOption.RequestedAddress, out var chosen) && chosen == client.Address
                ? Send(request, client, DhcpMessageType.Ack, map, reply)
                : Refuse(request, client, reply);
        }
        // INIT-REBOOT has option 50, RENEWING and REBINDING have ciaddr.
        var claimed = request.TryGetAddress(DhcpOption.RequestedAddress, out var requested) ? requested : request.ClientAddress;
        if (RankDelay(request, map, now) is not { } delay) return Silence(DhcpEventKind.NotItsTurn, request);
        var answer = claimed == client.Address ? Send(request, client, DhcpMessageType.Ack, map, reply) : Refuse(request, client, reply);
        return answer with { Delay = delay };
    }

    private DhcpAnswer Inform(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply) =>
        // A forged ciaddr must not make this server send to machines elsewhere.
        client.Network.Subnet.IsHost(request.ClientAddress) ? Send(request, client, DhcpMessageType.Ack, map, reply) : Silence(DhcpEventKind.Foreign, request);

    private DhcpAnswer Decline(in DhcpMessage request, in DhcpClient client)
    {
        if (NamesAnotherServer(request) || !request.TryGetAddress(DhcpOption.RequestedAddress, out var address)) return Silence(DhcpEventKind.Elsewhere, request);
        if (client.Name is null) options.Discovery?.Decline(request.ClientMac, address);
        return Silence(DhcpEventKind.Decline, request, client);
    }

    /// <summary>Beside a server that gives addresses: an offer without one, and the boot file once more at port 4011.</summary>
    private DhcpAnswer Proxy(in DhcpMessage request, in DhcpClient client, StaticMap map, Span<byte> reply, long now, int port)
    {
        var isQuestion = port == ProxyPort;
        if (isQuestion ? request.Type is not (DhcpMessageType.Request or DhcpMessageType.Inform) : request.Type != DhcpMessageType.Discover) return Silence(DhcpEventKind.Idle, request);
        var boot = BootDecision.For(request, options.Loaders);
        if (!boot.HasFile) return Silence(DhcpEventKind.Idle, request);
        var delay = TimeSpan.Zero;
        if (!isQuestion)
        {
            if (RankDelay(request, map, now) is not { } wait) return Silence(DhcpEventKind.NotItsTurn, request);
            delay = wait;
        }
        var writer = new DhcpWriter(reply[..SizeFor(request)], Header(request) with { ClientAddress = isQuestion ? request.ClientAddress : default, NextServer = options.Address }, isQuestion ? DhcpMessageType.Ack : DhcpMessageType.Offer);
        SetFile(boot, request.ClientMac, ref writer, out var file);
        writer.Add(DhcpOption.ServerIdentifier, options.Address);
        // iPXE too takes an offer without an address only from who says PXEClient.
        writer.Add(DhcpOption.VendorClass, boot.Client == BootClient.Http ? "HTTPClient"u8 : "PXEClient"u8);
        AddBoot(boot, file, ref writer, withClass: false);
        Echo(request, ref writer);
        var answer = isQuestion
            ? new DhcpAnswer { Route = DhcpRoute.Sender }
            : request.RelayAddress != Ipv4Address.Any ? new DhcpAnswer { Route = DhcpRoute.Relay, Destination = request.RelayAddress } : new DhcpAnswer { Destination = Ipv4Address.Broadcast };
        return answer with { Length = writer.Finish(), Delay = delay, Event = new DhcpEvent(isQuestion ? DhcpEventKind.Ack : DhcpEventKind.Offer, request.ClientMac, client.Address, client.Name, boot) };
    }

    private TimeSpan? RankDelay(in DhcpMessage request, StaticMap map, long now)
    {
        var rank = ServerOrder.RankOf(options.Address, request.ClientMac, options.Servers(map.Manifest));
        return ServerOrder.DelayOf(rank, (int)++attempts[request.ClientMac, now, renew: true]);
    }

    private bool NamesAnotherServer(in DhcpMessage request) =>
        request.TryGetOption(DhcpOption.ServerIdentifier, out _) && (!request.TryGetAddress(DhcpOption.ServerIdentifier, out var server) || server != options.Address);

    private DhcpAnswer Send(in DhcpMessage request, in DhcpClient client, DhcpMessageType type, StaticMap map, Span<byte> reply)
    {
        var isInform = request.Type == DhcpMessageType.Inform;
        var boot = BootDecision.For(request, options.Loaders);
        var writer = new DhcpWriter(reply[..SizeFor(request)], Header(request) with
        {
            ClientAddress = type == DhcpMessageType.Ack ? request.ClientAddress : default,
            YourAddress = isInform ? default : client.Address,
            NextServer = options.Address,
        }, type);
        SetFile(boot, request.ClientMac, ref writer, out var file);
        writer.Add(DhcpOption.ServerIdentifier, options.Address);
        if (!isInform) writer.Add(DhcpOption.LeaseTime, client.LeaseSeconds);
        AddBoot(boot, file, ref writer, withClass: true);
        AddNetwork(request, client, map, ref writer);
        Echo(request, ref writer);
        return Route(request, client, type) with { Length = writer.Finish(), Event = new DhcpEvent(type == DhcpMessageType.Offer ? DhcpEventKind.Offer : DhcpEventKind.Ack, request.ClientMac, client.Address, client.Name, boot) };
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
        return Route(request, client, DhcpMessageType.Nak) with { Length = writer.Finish(), Event = new DhcpEvent(DhcpEventKind.Nak, request.ClientMac, client.Address, client.Name) };
    }

    private static DhcpAnswer Silence(DhcpEventKind kind) => DhcpAnswer.Silence(new DhcpEvent(kind));

    private static DhcpAnswer Silence(DhcpEventKind kind, in DhcpMessage request, in DhcpClient client = default) => DhcpAnswer.Silence(new DhcpEvent(kind, request.ClientMac, client.Address, client.Name));

    private static DhcpHeader Header(in DhcpMessage request) => new()
    {
        Operation = 2,
        TransactionId = request.TransactionId,
        Flags = request.Flags,
        RelayAddress = request.RelayAddress,
        ClientMac = request.ClientMac,
    };

    /// <summary>RFC 2131, section 4.1: relay agent; the client's own address; the broadcast that it asks for; or its MAC address. A NAK is broadcast always.</summary>
    private static DhcpAnswer Route(in DhcpMessage request, in DhcpClient client, DhcpMessageType type)
    {
        if (request.RelayAddress != Ipv4Address.Any) return new DhcpAnswer { Route = DhcpRoute.Relay, Destination = request.RelayAddress };
        if (type == DhcpMessageType.Nak) return new DhcpAnswer { Destination = Ipv4Address.Broadcast };
        if (request.ClientAddress != Ipv4Address.Any && client.Network.Subnet.IsHost(request.ClientAddress)) return new DhcpAnswer { Route = DhcpRoute.Client, Destination = request.ClientAddress };
        if (request.IsBroadcast) return new DhcpAnswer { Destination = Ipv4Address.Broadcast };
        return new DhcpAnswer { Route = DhcpRoute.Hardware, Destination = client.Address };
    }

    private static int SizeFor(in DhcpMessage request)
    {
        const int headers = 28;
        var offered = request.TryGetOption(DhcpOption.MaximumMessageSize, out var value) && value.Length == 2 ? BinaryPrimitives.ReadUInt16BigEndian(value) : 576;
        return Math.Clamp(offered - headers, 576 - headers, DhcpMessage.MaximumLength);
    }

    private static void Echo(in DhcpMessage request, ref DhcpWriter writer)
    {
        // RFC 6842; and firmware that sends option 97 empty gets only the form of RFC 4578 back. Option 82 is last (RFC 3046, section 2.1).
        foreach (var identifier in request.AllOf(DhcpOption.ClientIdentifier)) writer.Add(DhcpOption.ClientIdentifier, identifier);
        if (request.TryGetOption(DhcpOption.ClientMachineIdentifier, out var machine) && machine.Length == 17) writer.Add(DhcpOption.ClientMachineIdentifier, machine);
        foreach (var relay in request.AllOf(DhcpOption.RelayAgentInformation)) writer.Add(DhcpOption.RelayAgentInformation, relay);
    }

    private void SetFile(in BootDecision boot, MacAddress mac, ref DhcpWriter writer, out FileName file)
    {
        file = default;
        if (!boot.HasFile) return;
        file.Length = boot.WriteFile(file.Bytes, mac, options.Address, options.HttpPort);
        writer.SetFile(file.Text);
    }

    private void AddBoot(in BootDecision boot, in FileName file, ref DhcpWriter writer, bool withClass)
    {
        if (!boot.HasFile) return;
        if (withClass && !boot.VendorClass.IsEmpty) writer.Add(DhcpOption.VendorClass, boot.VendorClass);
        writer.Add(DhcpOption.BootFileName, file.Text);
        if (boot.Client != BootClient.Http)
        {
            Span<byte> server = stackalloc byte[15];
            System.Text.Unicode.Utf8.TryWrite(server, System.Globalization.CultureInfo.InvariantCulture, $"{options.Address.Value >> 24}.{options.Address.Value >> 16 & 255}.{options.Address.Value >> 8 & 255}.{options.Address.Value & 255}", out var length);
            writer.Add(DhcpOption.TftpServerName, server[..length]);
        }
        // PXE tag 6 = 8: boot from the file name, without a search for boot servers or a menu (PXE 2.1, table 2-1).
        if (boot.Client is BootClient.BiosPxe or BootClient.UefiPxe) writer.Add(DhcpOption.VendorSpecific, [6, 1, 8, 255]);
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
            Span<Ipv4Address> first = stackalloc Ipv4Address[NameServers];
            writer.Add(DhcpOption.DomainNameServer, ServerOrder.First(request.ClientMac, options.Servers(map.Manifest), except: client.Address, first));
        }
        if (request.Wants(DhcpOption.HostName)) writer.Add(DhcpOption.HostName, client.Name);
        if (request.Wants(DhcpOption.DomainName)) writer.Add(DhcpOption.DomainName, client.Network.Domain);
        if (request.Wants(DhcpOption.BroadcastAddress)) writer.Add(DhcpOption.BroadcastAddress, subnet.BroadcastAddress);
    }

    /// <summary>What is known of the sender: its address, network, name (null for a machine that is not in the manifest) and lease time.</summary>
    private readonly record struct DhcpClient(Ipv4Address Address, SiteNetwork Network, string? Name, uint LeaseSeconds);

    /// <summary>A boot file's name on the stack.</summary>
    private struct FileName
    {
        private Buffer _bytes;

        public int Length;

        [System.Diagnostics.CodeAnalysis.UnscopedRef]
        public Span<byte> Bytes => _bytes;

        [System.Diagnostics.CodeAnalysis.UnscopedRef]
        public readonly ReadOnlySpan<byte> Text => ((ReadOnlySpan<byte>)_bytes)[..Length];

        [System.Runtime.CompilerServices.InlineArray(127)]
        private struct Buffer
        {
            private byte _first;
        }
    }
}
