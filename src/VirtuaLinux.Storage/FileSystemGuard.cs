using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Decides when it is told that <c>local</c> or the volume that all nodes share is nearly full. They do not grow by themselves; no clock, device or file.</summary>
public static class FileSystemGuard
{
    /// <summary>From this share on it is told: ext4 keeps 5 % for root, so that others are refused soon after.</summary>
    public const int HighWaterPercent = 90;

    /// <summary>Below this share it is over: who deletes and writes around the mark is not told each time.</summary>
    public const int AgainPercent = 85;

    /// <summary>What follows from what is seen.</summary>
    /// <param name="before">The volumes that were nearly full, as <see cref="StoreUsage.NearlyFull"/> names them.</param>
    /// <param name="usage">What is seen. That <c>shared</c> is not served here any more is no news of it: its next server tells.</param>
    /// <returns>The volumes that are, and what is to be told: each once.</returns>
    public static (IReadOnlyList<string> Now, IReadOnlyList<string> Said) Next(IReadOnlyList<string> before, StoreUsage usage)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(usage);
        (string Volume, long? Used, long? Size)[] volumes = [("local", usage.LocalUsed, usage.LocalSize), ("shared", usage.SharedUsed, usage.SharedSize)];
        var now = volumes.Where(v => v is { Used: { } used, Size: { } size and > 0 } && Math.BigMul(used, 100) >= Math.BigMul(size, before.Contains(v.Volume) ? AgainPercent : HighWaterPercent)).ToList();
        return ([.. now.Select(v => v.Volume)], [.. now.Where(v => !before.Contains(v.Volume)).Select(v => Describe(v.Volume, v.Used!.Value, v.Size!.Value))]);
    }

    /// <summary>That a volume is nearly full, and what to do.</summary>
    /// <param name="volume"><c>local</c> or <c>shared</c>.</param>
    /// <param name="used">Bytes in use.</param>
    /// <param name="size">Bytes of its file system.</param>
    public static string Describe(string volume, long used, long size) =>
        $"{volume} is nearly full ({(long)(Math.BigMul(used, 100) / size)} % of {new ByteSize(size).ToRoundedString()}). Delete files, or write a larger '{volume}:' under 'volumes:' of the site file and give 'virtualinux site apply --site site.yaml', which grows it while nodes use it";
}
