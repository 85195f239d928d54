using System.Buffers.Binary;
using System.Text;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>The partition table of a LUN (UEFI specification, section 5.3) of blocks of 512 bytes, as far as it must follow a LUN that the array has grown.</summary>
public sealed class GuidPartitionTable
{
    private const int Sector = 512, HeaderSize = 92, MostEntries = 1024;
    private const int HeaderCrc = 16, Own = 24, Alternate = 32, FirstUsable = 40, LastUsable = 48, EntriesAt = 72, EntryCount = 80, EntrySize = 84, EntriesCrc = 88;
    private const int MbrSize = 446 + 12;

    private readonly byte[] _header;
    private readonly byte[] _entries;

    private GuidPartitionTable(byte[] header, byte[] entries) => (_header, _entries) = (header, entries);

    /// <summary>The partitions in the order of their numbers.</summary>
    public IReadOnlyList<GuidPartition> Partitions =>
        [.. Enumerable.Range(0, (int)Number(EntryCount)).Select(Entry).Where(e => e.AsSpan(0, 16).ContainsAnyExcept((byte)0)).Select(e => new GuidPartition(Encoding.Unicode.GetString(e, 56, 72).TrimEnd('\0'), Long(e, 32), Long(e, 40)))];

    /// <summary>Number of sectors of the LUN for which the table was written.</summary>
    public long Sectors => Long(_header, Alternate) + 1;

    /// <summary>The last sector that a partition could have on a LUN of this size.</summary>
    /// <param name="size">Size of the LUN, in bytes.</param>
    public long LastUsableOf(long size) => size / Sector - 2 - (_entries.Length + Sector - 1) / Sector;

    /// <summary>Reads the table and checks its two sums.</summary>
    /// <exception cref="FailureException">There is none, it is damaged, or it cannot be read.</exception>
    public static GuidPartitionTable Read(BlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var header = new byte[Sector];
        disk.Read(Sector, header);
        if (!header.AsSpan().StartsWith("EFI PART"u8)) throw new FailureException($"{disk.Path}: no partition table (GPT)");
        if (BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12)) != HeaderSize || HeaderSum(header) != BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(HeaderCrc))) throw Damaged(disk, "its header's sum is wrong");
        var (count, size, at) = (Long32(header, EntryCount), Long32(header, EntrySize), Long(header, EntriesAt));
        if (Long(header, Own) != 1 || count is 0 or > MostEntries || size is < 128 or > Sector || at < 2 || at * Sector + count * size > disk.Size) throw Damaged(disk, "its header makes no sense");
        var entries = new byte[count * size];
        disk.Read(at * Sector, entries);
        if (Sum(entries) != Long32(header, EntriesCrc)) throw Damaged(disk, "the sum of its partitions is wrong");
        return new GuidPartitionTable(header, entries);
    }

    /// <summary>Lets the table and its last partition reach to the end of the disk. A power cut at any instant leaves the older table or the new one.</summary>
    /// <exception cref="FailureException">The disk has shrunk, there is no room before the first partition, or an I/O error.</exception>
    public void Grow(BlockDevice disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        foreach (var (offset, bytes) in Growth(disk))
        {
            disk.Write(offset, bytes);
            disk.Flush();
        }
    }

    /// <summary>What <see cref="Grow"/> writes, in its order: the new copy at the end, then the entries at a place that no header names, then the one sector that names them, and last the record for older programs.</summary>
    internal IReadOnlyList<(long Offset, byte[] Bytes)> Growth(BlockDevice disk)
    {
        var end = LastUsableOf(disk.Size);
        var last = Enumerable.Range(0, (int)Number(EntryCount)).MaxBy(i => Entry(i).AsSpan(0, 16).ContainsAnyExcept((byte)0) ? Long(Entry(i), 40) : -1);
        if (Long(Entry(last), 40) > end) throw new FailureException($"{disk.Path}: has shrunk below its last partition; its data is damaged unless the array gives it its size back at once");
        var room = (_entries.Length + Sector - 1) / Sector;
        // Two places for the entries, the second right behind the first.
        var place = Long(_header, EntriesAt) == 2 ? 2 + room : 2;
        if (Long(_header, FirstUsable) < 2 + 2 * room) throw new FailureException($"{disk.Path}: its partition table leaves no room before the first partition, so it is not of this product");
        var entries = (byte[])_entries.Clone();
        BinaryPrimitives.WriteInt64LittleEndian(entries.AsSpan(last * (int)Number(EntrySize) + 40), end);
        var sectors = disk.Size / Sector;
        return
        [
            ((end + 1) * Sector, entries),
            ((sectors - 1) * Sector, Header(entries, own: sectors - 1, alternate: 1, end, entriesAt: end + 1)),
            (place * Sector, entries),
            (Sector, Header(entries, own: 1, alternate: sectors - 1, end, place)),
            (0, Protection(disk, sectors)),
        ];
    }

    /// <summary>Sector 0, which tells programs that know no such table that the disk is used (UEFI specification, section 5.2.3).</summary>
    private static byte[] Protection(BlockDevice disk, long sectors)
    {
        var mbr = new byte[Sector];
        disk.Read(0, mbr);
        BinaryPrimitives.WriteUInt32LittleEndian(mbr.AsSpan(MbrSize), (uint)Math.Min(sectors - 1, uint.MaxValue));
        return mbr;
    }

    private byte[] Header(byte[] entries, long own, long alternate, long lastUsable, long entriesAt)
    {
        var header = (byte[])_header.Clone();
        foreach (var (at, value) in (ReadOnlySpan<(int, long)>)[(Own, own), (Alternate, alternate), (LastUsable, lastUsable), (EntriesAt, entriesAt)]) BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(at), value);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(EntriesCrc), Sum(entries));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(HeaderCrc), HeaderSum(header));
        return header;
    }

    private static uint HeaderSum(byte[] header)
    {
        var copy = header[..HeaderSize];
        copy.AsSpan(HeaderCrc, 4).Clear();
        return Sum(copy);
    }

    /// <summary>CRC-32 of ISO 3309.</summary>
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = ~0u;
        foreach (var b in bytes)
        {
            sum ^= b;
            for (var bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (0xEDB88320 & (0u - (sum & 1)));
        }
        return ~sum;
    }

    private byte[] Entry(int index) => _entries[(index * (int)Number(EntrySize))..((index + 1) * (int)Number(EntrySize))];

    private uint Number(int at) => Long32(_header, at);

    private static uint Long32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static long Long(byte[] bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));

    private static FailureException Damaged(BlockDevice disk, string why) => new($"{disk.Path}: the partition table is damaged: {why}; nothing was changed, restore it from its copy at the end of the disk with gdisk(8)");
}

/// <summary>A partition.</summary>
/// <param name="Name">Its name.</param>
/// <param name="First">First sector of 512 bytes.</param>
/// <param name="Last">Last sector, which belongs to it.</param>
public sealed record GuidPartition(string Name, long First, long Last);
