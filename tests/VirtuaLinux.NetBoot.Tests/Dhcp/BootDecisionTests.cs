using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

public class BootDecisionTests
{
    private const string Script = "http://192.168.77.11/node/52-54-00-77-00-01/boot.ipxe";
    private const string Url = "http://192.168.77.11/boot/";

    [Theory]
    [InlineData("PXEClient:Arch:00000", 0, null, BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient:Arch:00006", 6, null, BootClient.UefiPxe, "shimia32.efi", "PXEClient")]
    [InlineData("PXEClient:Arch:00007", 7, null, BootClient.UefiPxe, "shimx64.efi", "PXEClient")]
    [InlineData("PXEClient:Arch:00009", 9, null, BootClient.UefiPxe, "shimx64.efi", "PXEClient")]
    [InlineData("PXEClient:Arch:00011", 11, null, BootClient.UefiPxe, "shimaa64.efi", "PXEClient")]
    [InlineData("HTTPClient:Arch:00015", 15, null, BootClient.Http, Url + "shimia32.efi", "HTTPClient")]
    [InlineData("HTTPClient:Arch:00016", 16, null, BootClient.Http, Url + "shimx64.efi", "HTTPClient")]
    [InlineData("HTTPClient:Arch:00019", 19, null, BootClient.Http, Url + "shimaa64.efi", "HTTPClient")]
    [InlineData("HTTPClient:Arch:00020", 20, null, BootClient.Http, Url + "undionly.kpxe", "HTTPClient")]
    [InlineData("HTTPClient", 7, null, BootClient.Http, Url + "shimx64.efi", "HTTPClient")]
    // iPXE says PXEClient as well: its user class goes first, on every architecture.
    [InlineData("PXEClient:Arch:00000", 0, "iPXE", BootClient.Ipxe, Script, "")]
    [InlineData("PXEClient:Arch:00007", 7, "iPXE", BootClient.Ipxe, Script, "")]
    [InlineData("HTTPClient:Arch:00016", 16, "iPXE", BootClient.Ipxe, Script, "")]
    [InlineData("PXEClient:Arch:00011", 11, "iPXE", BootClient.Ipxe, Script, "")]
    [InlineData("PXEClient:Arch:00000", 0, "\u0004iPXE", BootClient.Ipxe, Script, "")]
    [InlineData("PXEClient:Arch:00000", 0, "iPXE2", BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient", null, null, BootClient.BiosPxe, "undionly.kpxe", "PXEClient")]
    [InlineData("PXEClient:Arch:00002", 2, null, BootClient.Unsupported, null, "")]
    [InlineData("HTTPClient", null, null, BootClient.Unsupported, null, "")]
    [InlineData("udhcp 1.35", null, null, BootClient.None, null, "")]
    [InlineData(null, null, null, BootClient.None, null, "")]
    public void Each_firmware_gets_its_loader(string? vendorClass, int? architecture, string? userClass, BootClient client, string? file, string echoed)
    {
        var decision = Decide(_ => true, vendorClass, architecture, userClass);
        Assert.Equal((client, architecture ?? -1), (decision.Client, decision.Architecture));
        Assert.Equal(echoed, Encoding.ASCII.GetString(decision.VendorClass));
        Assert.Equal(file, decision.HasFile ? File(decision, 80) : null);
    }

    [Theory]
    [InlineData("shimx64.efi", "shimx64.efi")]
    [InlineData("ipxe.efi", "ipxe.efi")]
    [InlineData("snponly.efi", "snponly.efi")]
    public void A_loader_that_is_there_is_taken(string present, string file) => Assert.Equal(file, File(Decide(n => n == present, "PXEClient", 7, null), 80));

    [Fact]
    public void A_firmware_whose_loader_is_missing_is_told_none_and_the_log_says_which()
    {
        var decision = Decide(_ => false, "PXEClient", 11, null);
        Assert.False(decision.HasFile);
        Assert.Equal("none: architecture 11 needs one of shimaa64.efi, ipxe-arm64.efi in the export directory", decision.Describe());
    }

    [Fact]
    public void A_port_other_than_80_is_in_the_URL() => Assert.Equal("http://192.168.77.11:8080/boot/shimx64.efi", File(Decide(_ => true, "HTTPClient", 16, null), 8080));

    private static string File(in BootDecision decision, int port)
    {
        var file = new byte[127];
        return Encoding.ASCII.GetString(file, 0, decision.WriteFile(file, TestSite.Node(1), Ipv4Address.Parse("192.168.77.11"), port));
    }

    private static BootDecision Decide(Func<string, bool> exists, string? vendorClass, int? architecture, string? userClass)
    {
        List<(DhcpOption, byte[])> options = [];
        if (vendorClass is not null) options.Add((DhcpOption.VendorClass, Encoding.ASCII.GetBytes(vendorClass)));
        if (userClass is not null) options.Add((DhcpOption.UserClass, Encoding.ASCII.GetBytes(userClass)));
        if (architecture is { } number) options.Add((DhcpOption.ClientArchitecture, [(byte)(number >> 8), (byte)number]));
        Assert.True(DhcpMessage.TryParse(DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), [.. options]), out var message, out _));
        return BootDecision.For(message, new BootLoaders(exists));
    }
}
