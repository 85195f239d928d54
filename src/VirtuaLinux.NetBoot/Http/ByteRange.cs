using System.Globalization;

namespace VirtuaLinux.NetBoot.Http;

/// <summary>Part of a file that a client asks for (RFC 9110, section 14).</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
public readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>Reads a <c>Range</c> header.</summary>
    /// <param name="header">Its value.</param>
    /// <param name="length">Length of the file, in bytes.</param>
    /// <param name="range">The part.</param>
    /// <returns>Null when the header is to be ignored (another unit, several ranges, malformed); false when no byte of it exists (416); true with the part.</returns>
    public static bool? TryParse(string header, long length, out ByteRange range)
    {
        ArgumentNullException.ThrowIfNull(header);
        range = new ByteRange(0, length);
        if (!header.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase)) return null;
        var text = header.AsSpan(6).Trim();
        var hyphen = text.IndexOf('-');
        if (hyphen < 0) return null;
        var first = text[..hyphen];
        var last = text[(hyphen + 1)..];
        if (first.IsEmpty)
        {
            if (!TryNumber(last, out var suffix)) return null;
            if (suffix == 0 || length == 0) return false;
            range = new ByteRange(Math.Max(0, length - suffix), Math.Min(suffix, length));
            return true;
        }
        if (!TryNumber(first, out var from)) return null;
        var to = length - 1;
        if (!last.IsEmpty && !TryNumber(last, out to) || to < from && !last.IsEmpty) return null;
        if (from >= length) return false;
        range = new ByteRange(from, Math.Min(to, length - 1) - from + 1);
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
