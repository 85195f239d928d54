using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VirtuaLinux.NetBoot.Tftp;

/// <summary>A read or write request with its options (RFC 1350, section 5; RFC 2347, 2348, 2349, 7440).</summary>
public sealed record TftpRequest
{
    /// <summary>Block size without option, in bytes.</summary>
    public const int DefaultBlockSize = 512;

    /// <summary>Smallest and largest block size of RFC 2348, in bytes.</summary>
    public const int MinimumBlockSize = 8, MaximumBlockSize = 65464;

    /// <summary>Read or write.</summary>
    public required TftpOpcode Opcode { get; init; }

    /// <summary>The file's name as sent.</summary>
    public required string FileName { get; init; }

    /// <summary>Whether line ends are translated (mode <c>netascii</c>).</summary>
    public required bool IsText { get; init; }

    /// <summary>Option <c>blksize</c>, in bytes; null when absent or out of range.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Whether the size is asked for (option <c>tsize</c>).</summary>
    public bool WantsSize { get; init; }

    /// <summary>Option <c>timeout</c>, 1 to 255 s; null when absent or out of range.</summary>
    public int? TimeoutSeconds { get; init; }

    /// <summary>Option <c>windowsize</c>, 1 to 65535 blocks; null when absent or out of range.</summary>
    public int? WindowSize { get; init; }

    /// <summary>Reads a packet. An option that is unknown or makes no sense is left out, as RFC 2347 allows; a malformed request gives a reason.</summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, out TftpRequest? request, out string reason)
    {
        request = null;
        reason = "not a request";
        if (packet.Length < 2) return false;
        var opcode = (TftpOpcode)BinaryPrimitives.ReadUInt16BigEndian(packet);
        if (opcode is not (TftpOpcode.ReadRequest or TftpOpcode.WriteRequest)) return false;
        var rest = packet[2..];
        reason = "file name without end";
        if (!TryTake(ref rest, out var name) || name.Length is 0 or > BootPath.MaximumLength) return false;
        reason = "mode without end";
        if (!TryTake(ref rest, out var mode)) return false;
        reason = "mode is neither octet nor netascii";
        var isText = Is(mode, "netascii");
        if (!isText && !Is(mode, "octet")) return false;
        request = WithOptions(new TftpRequest { Opcode = opcode, FileName = Encoding.Latin1.GetString(name), IsText = isText }, rest);
        reason = "";
        return true;
    }

    private static TftpRequest WithOptions(TftpRequest request, ReadOnlySpan<byte> rest)
    {
        // Names are compared as a whole: a substring match was a real bug (U-Boot 890c9bf). The first occurrence counts.
        while (TryTake(ref rest, out var name) && TryTake(ref rest, out var value))
        {
            if (Is(name, "blksize")) request = request with { BlockSize = request.BlockSize ?? Number(value, MinimumBlockSize, MaximumBlockSize) };
            else if (Is(name, "tsize")) request = request with { WantsSize = true };
            else if (Is(name, "timeout")) request = request with { TimeoutSeconds = request.TimeoutSeconds ?? Number(value, 1, 255) };
            else if (Is(name, "windowsize")) request = request with { WindowSize = request.WindowSize ?? Number(value, 1, 65535) };
        }
        return request;
    }

    private static int? Number(ReadOnlySpan<byte> text, int minimum, int maximum) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum ? number : null;

    private static bool Is(ReadOnlySpan<byte> text, string word) => Ascii.EqualsIgnoreCase(text, word);

    private static bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> text)
    {
        text = default;
        var end = rest.IndexOf((byte)0);
        if (end < 0) return false;
        text = rest[..end];
        rest = rest[(end + 1)..];
        return true;
    }
}
