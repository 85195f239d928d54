using System.Globalization;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage;

/// <summary>
/// The partitions of the site's LUN (GPT, UEFI specification section 5): EFI system partition, journal, volume group.
/// The journal partition holds, from its start: the journal's two slots, the shared blocks at 512 KiB, the site's two slots at 1 MiB, and the installation log at 8 MiB.
/// </summary>
public static class SanLayout
{
    /// <summary>Names of the partitions, in order.</summary>
    public static IReadOnlyList<string> PartitionNames { get; } = ["VL-EFI", "VL-JOURNAL", "VL-VG"];

    /// <summary>Size of the EFI system partition: loader, kernel and initrd of two image versions.</summary>
    public static ByteSize EfiSize { get; } = ByteSize.FromMiB(256);

    /// <summary>Size of the journal partition.</summary>
    public static ByteSize JournalSize { get; } = ByteSize.FromMiB(16);

    /// <summary>Offset of the journal's slots, in bytes.</summary>
    public const long JournalOffset = 0;

    /// <summary>Size of one slot of the journal, in bytes.</summary>
    public const int JournalSlotSize = 256 << 10;

    /// <summary>Offset of a block that is only changed by COMPARE AND WRITE, in bytes from the start of the journal partition: each at a multiple of 4096, the largest block of a LUN.</summary>
    public static long OffsetOf(SharedBlock block) => (512 << 10) + (int)block * 4096;

    /// <summary>Offset of the site's slots, in bytes.</summary>
    public const long StateOffset = 1 << 20;

    /// <summary>Size of one slot of the site's state, in bytes.</summary>
    public const int StateSlotSize = 3 << 20;

    /// <summary>Offset of the installation log, in bytes.</summary>
    public const long LogOffset = 8 << 20;

    /// <summary>Space for the installation log, in bytes.</summary>
    public const int LogSize = 8 << 20;

    /// <summary>Size of an LVM extent.</summary>
    public static ByteSize ExtentSize { get; } = ByteSize.FromMiB(4);

    /// <summary>Space for LVM metadata: it is fixed when the physical volume is made, and this holds thousands of volumes.</summary>
    public static ByteSize MetadataSize { get; } = ByteSize.FromMiB(64);

    /// <summary>Bytes of a LUN that are not extents: partition table with its copy, alignment, the two partitions, LVM metadata.</summary>
    public static ByteSize Overhead { get; } = new(EfiSize.Bytes + JournalSize.Bytes + MetadataSize.Bytes + (4 << 20));

    /// <summary>The input of sfdisk(8) that lays the LUN out.</summary>
    public static string PartitionScript() => string.Create(CultureInfo.InvariantCulture, $"""
        label: gpt
        first-lba: 2048
        name="{PartitionNames[0]}", size={EfiSize.Bytes / 512}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
        name="{PartitionNames[1]}", size={JournalSize.Bytes / 512}, type=8DA63339-0007-60C0-C436-083AC8230908
        name="{PartitionNames[2]}", type=E6D6D379-F507-44C2-A23C-238F2A3DF928

        """);

    /// <summary>The input of sfdisk(8) for a further LUN of the volume group, which has that one partition.</summary>
    /// <param name="name">Name of the partition.</param>
    public static string MemberScript(string name) => $"""
        label: gpt
        first-lba: 2048
        name="{name}", type=E6D6D379-F507-44C2-A23C-238F2A3DF928

        """;

    /// <summary>Path of a partition of a whole disk, as the kernel names it, or of a multipath device.</summary>
    /// <param name="disk">Such as <c>/dev/sda</c>, <c>/dev/nvme0n1</c> or <c>/dev/mapper/360…</c>.</param>
    /// <param name="number">Counted from 1.</param>
    public static string Partition(string disk, int number)
    {
        ArgumentException.ThrowIfNullOrEmpty(disk);
        return string.Create(CultureInfo.InvariantCulture, $"{disk}{(MultipathDisk.Is(disk) ? "-part" : char.IsAsciiDigit(disk[^1]) ? "p" : "")}{number}");
    }
}
