using System.Globalization;

namespace VirtuaLinux.Storage;

/// <summary>How a thin pool is: the status line of its target (Linux, admin-guide/device-mapper/thin-provisioning, STATUS).</summary>
/// <param name="MetadataUsed">Metadata in use, in bytes.</param>
/// <param name="MetadataSize">All of it.</param>
/// <param name="DataUsed">Data in use, in bytes.</param>
/// <param name="DataSize">All of it.</param>
/// <param name="Mode">Whether it takes writes.</param>
public sealed record PoolStatus(long MetadataUsed, long MetadataSize, long DataUsed, long DataSize, PoolMode Mode)
{
    private const int MetadataBlock = 4096;

    /// <summary>Reads what <c>dmsetup status</c> prints for a pool: <c>0 8388608 thin-pool 1 45/2048 1234/65536 - rw …</c></summary>
    /// <param name="line">The line.</param>
    /// <param name="status">What it says.</param>
    /// <returns>False if it is no pool's.</returns>
    public static bool TryParse(string line, out PoolStatus status)
    {
        ArgumentNullException.ThrowIfNull(line);
        status = new PoolStatus(0, 0, 0, 0, PoolMode.Failed);
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length < 4 || words[2] != "thin-pool") return false;
        // A pool whose metadata could not be read says no more than that.
        if (words[3] == "Fail") return true;
        if (words.Length < 8 || !TryParseShare(words[4], MetadataBlock, out var metadataUsed, out var metadata) || !TryParseShare(words[5], VolumeSizes.PoolBlock.Bytes, out var dataUsed, out var data)) return false;
        var mode = words[7] switch
        {
            "rw" when words.Contains("needs_check") => PoolMode.Damaged,
            "rw" => PoolMode.Writable,
            "out_of_data_space" => PoolMode.Full,
            _ => PoolMode.Damaged,
        };
        status = new PoolStatus(metadataUsed, metadata, dataUsed, data, mode);
        return true;
    }

    /// <summary>Reads what <c>dmsetup status</c> prints for a root: <c>0 8388608 thin 204800 8388607</c>, the sectors that it has of its own and the last of them.</summary>
    /// <returns>Bytes that the root has of its own; null if it is no root's line, or the kernel could not tell.</returns>
    public static long? OwnOf(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [_, _, "thin", var sectors, ..] && long.TryParse(sectors, NumberStyles.None, CultureInfo.InvariantCulture, out var own) ? own * 512 : null;
    }

    private static bool TryParseShare(string text, long unit, out long used, out long all)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        (used, all) = (0, 0);
        if (slash < 0 || !long.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out used) || !long.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out all)) return false;
        used *= unit;
        all *= unit;
        return true;
    }
}

/// <summary>Whether a pool takes writes.</summary>
public enum PoolMode
{
    /// <summary>Yes.</summary>
    Writable,

    /// <summary>Writes that need a new block wait until it grows.</summary>
    Full,

    /// <summary>Read-only: the metadata needs a check, or has no room.</summary>
    Damaged,

    /// <summary>The metadata cannot be read; nothing works.</summary>
    Failed,
}
