using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

public class BootDecisionTests
{
    private const string Script = "http://192.168.77.11:80/node/52-54-00-77-00-01/boot.ipxe";
    private const string SecureLoader = "http://192.168.77.11:80/boot/shimx64.efi";

    [Theory]
    [InlineData("PXEClient:Arch:00000", 0, null, BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient:Arch:00007", 7, null, BootClient.UefiPxe, "shimx64.efi", "PXEClient")]
    [InlineData("PXEClient:Arch:00009", 9, null, BootClient.UefiPxe, "shimx64.efi", "PXEClient")]
    [InlineData("HTTPClient:Arch:00016", 16, null, BootClient.UefiHttp, SecureLoader, "HTTPClient")]
    [InlineData("HTTPClient", 7, null, BootClient.UefiHttp, SecureLoader, "HTTPClient")]
    // iPXE says PXEClient as well: its user class goes first, on every architecture.
    [InlineData("PXEClient:Arch:00000", 0, "iPXE", BootClient.Ipxe, Script, null)]
    [InlineData("PXEClient:Arch:00007", 7, "iPXE", BootClient.Ipxe, Script, null)]
    [InlineData("HTTPClient:Arch:00016", 16, "iPXE", BootClient.Ipxe, Script, null)]
    [InlineData("PXEClient:Arch:00000", 0, "\u0004iPXE", BootClient.Ipxe, Script, null)]
    [InlineData("PXEClient:Arch:00000", 0, "iPXE2", BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient", null, null, BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient:Arch:00011", 11, null, BootClient.Unsupported, null, null)]
    [InlineData("HTTPClient:Arch:00019", 19, null, BootClient.Unsupported, null, null)]
    [InlineData("udhcp 1.35", null, null, BootClient.None, null, null)]
    [InlineData(null, null, null, BootClient.None, null, null)]
    public void Each_firmware_gets_its_loader(string? vendorClass, int? architecture, string? userClass, BootClient client, string? file, string? echoed)
    {
        List<(DhcpOption, byte[])> options = [];
        if (vendorClass is not null) options.Add((DhcpOption.VendorClass, Encoding.ASCII.GetBytes(vendorClass)));
        if (userClass is not null) options.Add((DhcpOption.UserClass, Encoding.ASCII.GetBytes(userClass)));
        if (architecture is { } number) options.Add((DhcpOption.ClientArchitecture, [(byte)(number >> 8), (byte)number]));
        Assert.True(DhcpMessage.TryParse(DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), [.. options]), out var message, out _));
        Assert.Equal(new BootDecision(client, architecture ?? -1, file, echoed), BootDecision.For(message, Ipv4Address.Parse("192.168.77.11"), 80));
    }
}
