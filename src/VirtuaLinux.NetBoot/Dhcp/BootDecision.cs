using System.Globalization;
using System.Text.Unicode;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Who gets what: the one place where a boot client is told its loader.</summary>
/// <param name="Client">What the client is.</param>
/// <param name="Architecture">The first architecture of option 93, or -1.</param>
/// <param name="Loader">The loader's name in the export directory; null for none.</param>
public readonly record struct BootDecision(BootClient Client, int Architecture, string? Loader)
{
    private const int LongestClass = 64;

    /// <summary>Whether the client is told a boot file.</summary>
    public bool HasFile => Client == BootClient.Ipxe || Loader is not null;

    /// <summary>What option 60 of the reply says; empty for none. HTTP firmware ignores an offer without its own (UEFI 2.10, section 24.7.3.1).</summary>
    public ReadOnlySpan<byte> VendorClass => Client switch
    {
        BootClient.Http => "HTTPClient"u8,
        BootClient.UefiPxe or BootClient.BiosPxe => "PXEClient"u8,
        _ => default,
    };

    /// <summary>Decides, in fixed order: own user class, HTTPClient, architecture.</summary>
    /// <remarks>The order matters: iPXE still sends PXEClient in option 60 (ipxe/ipxe#1527), so its user class is looked at first, and a client that runs iPXE never loads it again.</remarks>
    public static BootDecision For(in DhcpMessage request, BootLoaders loaders)
    {
        ArgumentNullException.ThrowIfNull(loaders);
        var architecture = ArchitectureOf(request);
        Span<byte> text = stackalloc byte[LongestClass];
        if (IsIpxe(text[..request.CopyOption(DhcpOption.UserClass, text)])) return new(BootClient.Ipxe, architecture, null);
        var vendorClass = text[..request.CopyOption(DhcpOption.VendorClass, text)];
        var isHttp = vendorClass.StartsWith("HTTPClient"u8) || BootLoaders.IsHttp(architecture);
        var isPxe = vendorClass.StartsWith("PXEClient"u8);
        if (architecture < 0 && !isPxe) return new(isHttp ? BootClient.Unsupported : BootClient.None, architecture, null);
        var loader = loaders.For(Math.Max(architecture, 0));
        return (loader, isHttp, architecture) switch
        {
            (null, _, _) => new(BootClient.Unsupported, architecture, null),
            (_, true, _) => new(BootClient.Http, architecture, loader),
            (_, _, 0 or -1) => new(BootClient.BiosPxe, architecture, loader),
            _ => new(BootClient.UefiPxe, architecture, loader),
        };
    }

    /// <summary>Writes the boot file: a path below the TFTP root, or a full URL, which is a final one, since a redirect kills HTTP boot.</summary>
    /// <param name="destination">Room for 127 bytes.</param>
    /// <param name="mac">The client.</param>
    /// <param name="server">The server.</param>
    /// <param name="httpPort">Its HTTP port; left out of the URL when it is 80.</param>
    /// <returns>Length in bytes.</returns>
    public int WriteFile(Span<byte> destination, MacAddress mac, Ipv4Address server, int httpPort)
    {
        Span<byte> port = stackalloc byte[8];
        var portLength = 0;
        if (httpPort != 80) Utf8.TryWrite(port, CultureInfo.InvariantCulture, $":{httpPort}", out portLength);
        var at = 0;
        if (Client is BootClient.Http or BootClient.Ipxe)
        {
            var a = server.Value;
            Utf8.TryWrite(destination, CultureInfo.InvariantCulture, $"http://{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}", out at);
            port[..portLength].CopyTo(destination[at..]);
            at += portLength;
        }
        var m = mac.Value;
        var written = 0;
        _ = Client switch
        {
            BootClient.Ipxe => Utf8.TryWrite(destination[at..], CultureInfo.InvariantCulture, $"/node/{m >> 40:x2}-{m >> 32 & 255:x2}-{m >> 24 & 255:x2}-{m >> 16 & 255:x2}-{m >> 8 & 255:x2}-{m & 255:x2}/boot.ipxe", out written),
            BootClient.Http => Utf8.TryWrite(destination[at..], CultureInfo.InvariantCulture, $"/boot/{Loader}", out written),
            _ => Utf8.TryWrite(destination[at..], CultureInfo.InvariantCulture, $"{Loader}", out written),
        };
        return at + written;
    }

    /// <summary>For the log: the loader, or why there is none.</summary>
    public string Describe() => (Client, Loader) switch
    {
        (BootClient.Ipxe, _) => "boot.ipxe",
        (_, { } loader) => loader,
        (BootClient.Unsupported, _) when BootLoaders.Knows(Architecture) => $"none: architecture {Architecture} needs one of {string.Join(", ", BootLoaders.Candidates(Architecture))} in the export directory",
        (BootClient.Unsupported, _) => $"none: unsupported architecture {Architecture}",
        _ => "-",
    };

    /// <summary>The bare text of iPXE, or the list of RFC 3004 with a length before it.</summary>
    private static bool IsIpxe(ReadOnlySpan<byte> userClass) => userClass.SequenceEqual("iPXE"u8) || userClass.SequenceEqual("\u0004iPXE"u8);

    private static int ArchitectureOf(in DhcpMessage request) =>
        request.TryGetOption(DhcpOption.ClientArchitecture, out var value) && value.Length >= 2 && value.Length % 2 == 0 ? value[0] << 8 | value[1] : -1;
}
