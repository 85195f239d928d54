using System.Net;
using System.Net.Sockets;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.NetBoot.Tests.Dhcp;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>What a packet costs the garbage collector. The whole process is measured, so nothing else runs meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed class AllocationTests : IDisposable
{
    private const string Subnet = "127.0.0.0/16";

    // Until the just-in-time compiler has done its best it boxes what it later does not; the program itself is compiled ahead of time.
    private const int WarmUp = 25_000, Packets = 50_000;

    private readonly TemporaryDirectory export = new();

    public void Dispose() => export.Dispose();

    [Fact]
    public async Task A_TFTP_block_costs_nothing()
    {
        export.Write("file", (WarmUp + Packets) * 512);
        await using var server = await LoopbackServer.StartAsync(export.Root);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        client.Connect(server.Tftp);
        client.Send("\0\u0001file\0octet\0"u8);
        var packet = new byte[600];
        var acknowledgement = new byte[] { 0, 4, 0, 0 };
        long before = 0;
        for (var block = 1; block <= WarmUp + Packets; block++)
        {
            // Assertions themselves allocate.
            if (client.Receive(packet) != 516) Assert.Fail($"block {block} is not whole");
            (acknowledgement[2], acknowledgement[3]) = (packet[2], packet[3]);
            client.Send(acknowledgement);
            if (block == WarmUp) before = GC.GetTotalAllocatedBytes(precise: true);
        }
        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Packets, 0, 2);
    }

    [Fact]
    public async Task A_DHCP_exchange_costs_nothing()
    {
        var address = Ipv4Address.Parse("127.0.0.90");
        var manifest = new ManifestSource(TestSite.Manifest(Subnet));
        IReadOnlyList<Ipv4Address> servers = [address];
        var responder = new DhcpResponder(new DhcpResponderOptions { Address = address, Manifest = manifest, Servers = _ => servers, Loaders = new BootLoaders(_ => true) });
        await using var server = new DhcpServer(new DhcpServerOptions { Endpoint = new BootEndpoint("lo", address), Responder = responder });
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var own = TestSite.Host(Subnet, 12);
        client.Bind(new IPEndPoint(own.ToIPAddress(), DhcpServer.ClientPort));
        client.Connect(new IPEndPoint(address.ToIPAddress(), DhcpServer.ServerPort));
        client.ReceiveTimeout = 30_000;
        // A renewal of a machine that boots: all that an answer can have is in it.
        var request = DhcpPacket.Request(DhcpMessageType.Request, new DhcpHeader { Operation = 1, ClientMac = TestSite.Node(2), ClientAddress = own },
            (DhcpOption.VendorClass, "PXEClient:Arch:00007"u8.ToArray()), (DhcpOption.ClientArchitecture, [0, 7]), (DhcpOption.ClientMachineIdentifier, new byte[17]), (DhcpOption.ClientIdentifier, new byte[7]));
        var reply = new byte[DhcpMessage.MaximumLength];
        long before = 0;
        for (var i = 0; i < WarmUp + Packets; i++)
        {
            client.Send(request);
            if (client.Receive(reply) < DhcpWriter.MinimumLength) Assert.Fail($"reply {i} is no message");
            if (i == WarmUp) before = GC.GetTotalAllocatedBytes(precise: true);
        }
        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Packets, 0, 2);
    }
}

/// <summary>Tests that no other test runs beside.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
