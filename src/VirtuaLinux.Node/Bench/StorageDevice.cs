using System.Globalization;

namespace VirtuaLinux.Node.Bench;

/// <summary>How a device that is measured lies on the SAN: <c>raw</c>, <c>plain</c>, <c>root</c>, <c>thin-128</c>, <c>snapshot-64</c>, each with <c>-nozero</c> and <c>-ra1024</c> behind it where wanted.</summary>
/// <param name="Name">The text that it was read from.</param>
/// <param name="Kind">What it is.</param>
/// <param name="BlockKiB">Block size of a thin pool or chunk size of a snapshot, in KiB.</param>
/// <param name="SkipZeroing">Whether a pool leaves out zeroing of new blocks (<c>skip_block_zeroing</c>).</param>
/// <param name="ReadAheadKiB">Read-ahead of the device in KiB; null: the kernel's.</param>
public sealed record StorageDevice(string Name, StorageDeviceKind Kind, int BlockKiB, bool SkipZeroing, int? ReadAheadKiB)
{
    /// <summary>Whether bonnie++ runs on it too: on those that Table 1 of 2007 has, the snapshot with the chunk size that comes nearest to the root.</summary>
    public bool RunsBonnie => Name is "raw" or "plain" or "root" or "snapshot-64";

    /// <summary>Reads a device's name.</summary>
    /// <returns>False with a reason.</returns>
    public static bool TryParse(string text, out StorageDevice device, out string reason)
    {
        ArgumentNullException.ThrowIfNull(text);
        device = null!;
        var words = text.Split('-');
        if (!Enum.TryParse<StorageDeviceKind>(words[0], ignoreCase: true, out var kind) || !Enum.GetName(kind)!.Equals(words[0], StringComparison.OrdinalIgnoreCase))
        {
            reason = $"'{text}' is no device; write raw, plain, root, thin-128 or snapshot-64";
            return false;
        }
        var next = 1;
        var block = 0;
        if (kind is StorageDeviceKind.Thin or StorageDeviceKind.Snapshot)
        {
            // dm-thin takes multiples of 64 KiB, dm-snapshot powers of two (Linux, Documentation/admin-guide/device-mapper).
            var fits = words.Length > 1 && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out block) && (kind == StorageDeviceKind.Thin ? block > 0 && block % 64 == 0 : block >= 4 && int.IsPow2(block));
            if (!fits)
            {
                reason = $"'{text}': write {(kind == StorageDeviceKind.Thin ? "a block size that is a multiple of 64 KiB, such as thin-128" : "a chunk size that is a power of two from 4 KiB on, such as snapshot-64")}";
                return false;
            }
            next = 2;
        }
        var skipZeroing = false;
        int? readAhead = null;
        foreach (var word in words[next..])
            if (word == "nozero" && kind == StorageDeviceKind.Thin) skipZeroing = true;
            else if (word.StartsWith("ra", StringComparison.Ordinal) && int.TryParse(word.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes)) readAhead = kibibytes;
            else
            {
                reason = $"'{text}': '{word}' is unknown; write -ra1024 for a read-ahead of 1024 KiB, and -nozero behind a thin device";
                return false;
            }
        device = new StorageDevice(text, kind, block, skipZeroing, readAhead);
        reason = "";
        return true;
    }
}

/// <summary>Kinds of devices.</summary>
public enum StorageDeviceKind
{
    /// <summary>A partition of the LUN, without device-mapper.</summary>
    Raw,

    /// <summary>A linear volume: the node's <c>local</c>.</summary>
    Plain,

    /// <summary>The node's root, as the product maps it.</summary>
    Root,

    /// <summary>A thin volume over the origin, in a pool with other parameters than the product's.</summary>
    Thin,

    /// <summary>The classic <c>snapshot</c> target over the origin.</summary>
    Snapshot,
}
