using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>How a client boots, as its DHCP message tells.</summary>
public enum BootClient
{
    /// <summary>Asks for an address only, such as an operating system.</summary>
    None,

    /// <summary>iPXE, of whatever firmware: takes the script.</summary>
    Ipxe,

    /// <summary>UEFI HTTP boot of an x86-64 machine.</summary>
    UefiHttp,

    /// <summary>UEFI PXE of an x86-64 machine.</summary>
    UefiPxe,

    /// <summary>PXE of a BIOS.</summary>
    BiosPxe,

    /// <summary>A firmware that no loader is here for, such as ARM64.</summary>
    Unsupported,
}

/// <summary>Who gets what: the one place where a boot client is told its loader.</summary>
/// <param name="Client">What the client is.</param>
/// <param name="Architecture">The first architecture of option 93, or -1.</param>
/// <param name="File">Boot file: a path below the TFTP root or a full URL; null for none.</param>
/// <param name="VendorClass">What option 60 of the reply says; null for none.</param>
public readonly record struct BootDecision(BootClient Client, int Architecture, string? File, string? VendorClass)
{
    /// <summary>Decides, in fixed order: own user class, HTTPClient, architecture.</summary>
    /// <remarks>
    /// The order matters: iPXE still sends PXEClient in option 60 (ipxe/ipxe#1527), so its user class is looked at first.
    /// A chained iPXE wants a full URL, and a redirect kills UEFI HTTP boot, so URLs are final ones.
    /// </remarks>
    public static BootDecision For(in DhcpMessage request, Ipv4Address server, int httpPort)
    {
        var architecture = ArchitectureOf(request);
        var client = ClientOf(request, architecture);
        return client switch
        {
            BootClient.Ipxe => new(client, architecture, $"http://{server}:{httpPort}/node/{request.ClientMac.ToString().Replace(':', '-')}/boot.ipxe", null),
            // The firmware ignores an offer whose option 60 is not HTTPClient (UEFI 2.10, section 24.7.3.1).
            BootClient.UefiHttp => new(client, architecture, $"http://{server}:{httpPort}/boot/shimx64.efi", "HTTPClient"),
            BootClient.UefiPxe => new(client, architecture, "shimx64.efi", "PXEClient"),
            BootClient.BiosPxe => new(client, architecture, "undionly.kpxe", "PXEClient"),
            _ => new(client, architecture, null, null),
        };
    }

    private static BootClient ClientOf(in DhcpMessage request, int architecture)
    {
        if (request.TryGetOption(DhcpOption.UserClass, out var userClass) && IsIpxe(userClass)) return BootClient.Ipxe;
        request.TryGetOption(DhcpOption.VendorClass, out var vendorClass);
        var isHttp = vendorClass.StartsWith("HTTPClient"u8);
        return architecture switch
        {
            // 16 is x64 HTTP; an HTTPClient may also send the PXE number of its architecture.
            16 => BootClient.UefiHttp,
            7 or 9 when isHttp => BootClient.UefiHttp,
            // 9 is EFI byte code by RFC 4578, but x86-64 firmware sends it too (ipxe commit af9afd0).
            7 or 9 => BootClient.UefiPxe,
            0 when !isHttp => BootClient.BiosPxe,
            -1 when vendorClass.StartsWith("PXEClient"u8) => BootClient.BiosPxe,
            -1 when !isHttp => BootClient.None,
            _ => BootClient.Unsupported,
        };
    }

    /// <summary>The bare text of iPXE, or the list of RFC 3004 with a length before it.</summary>
    private static bool IsIpxe(ReadOnlySpan<byte> userClass) => userClass.SequenceEqual("iPXE"u8) || userClass.SequenceEqual("\u0004iPXE"u8);

    private static int ArchitectureOf(in DhcpMessage request) =>
        request.TryGetOption(DhcpOption.ClientArchitecture, out var value) && value.Length >= 2 && value.Length % 2 == 0 ? value[0] << 8 | value[1] : -1;
}
