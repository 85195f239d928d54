using System.Buffers.Binary;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// One block of the LUN with the nodes whose volumes another one uses: magic (8 bytes), how often it was changed (8, big-endian), number of nodes (4),
/// and of each its address (4), what is done with its volumes (4), and the key of the boot that does it (8).
/// </summary>
/// <param name="Count">Counts up with every change, so that two blocks are never equal.</param>
/// <param name="Borrows">Whose volumes are in use, and where; one for each node at most.</param>
public sealed record BorrowBlock(ulong Count, IReadOnlyList<Borrow> Borrows)
{
    /// <summary>The most nodes whose volumes can be in use elsewhere at once: what fits into the smallest block.</summary>
    public const int Capacity = (512 - Header) / Entry;

    private const int Header = 20, Entry = 16;

    internal static ReadOnlySpan<byte> Magic => "VLBORRW1"u8;

    /// <summary>Reads a block; in one that was never written nobody uses another one's volumes.</summary>
    /// <returns>False when something else is there.</returns>
    public static bool TryRead(ReadOnlySpan<byte> block, out BorrowBlock borrows)
    {
        borrows = new BorrowBlock(0, []);
        if (!block.ContainsAnyExcept((byte)0)) return true;
        if (block.Length < Header || !block.StartsWith(Magic)) return false;
        var number = BinaryPrimitives.ReadInt32BigEndian(block[16..]);
        if (number is < 0 or > Capacity || Header + number * Entry > block.Length) return false;
        var entries = new Borrow[number];
        for (var i = 0; i < number; i++)
        {
            var entry = block[(Header + i * Entry)..];
            entries[i] = new Borrow(new Ipv4Address(BinaryPrimitives.ReadUInt32BigEndian(entry)), new ReservationKey(BinaryPrimitives.ReadUInt64BigEndian(entry[8..])), (BorrowKind)BinaryPrimitives.ReadInt32BigEndian(entry[4..]));
        }
        borrows = new BorrowBlock(BinaryPrimitives.ReadUInt64BigEndian(block[8..]), entries);
        return true;
    }

    /// <summary>The block with a node's volumes in use, in the place of what it says of that node.</summary>
    /// <exception cref="FailureException">The block is full.</exception>
    public BorrowBlock With(Borrow borrow)
    {
        var others = Without(b => b.Node == borrow.Node);
        return others.Borrows.Count < Capacity ? others with { Borrows = [.. others.Borrows, borrow] } : throw new FailureException($"the volumes of {Capacity} nodes are in use on others already; end that for some of them with 'virtualinux node unmount'");
    }

    /// <summary>The block without some entries.</summary>
    public BorrowBlock Without(Func<Borrow, bool> isOver) => new(Count + 1, [.. Borrows.Where(b => !isOver(b))]);

    /// <summary>The block's bytes.</summary>
    /// <param name="size">Length of a block of the LUN, in bytes.</param>
    public byte[] ToBytes(int size)
    {
        var block = new byte[size];
        Magic.CopyTo(block);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), Count);
        BinaryPrimitives.WriteInt32BigEndian(block.AsSpan(16), Borrows.Count);
        foreach (var (i, borrow) in Borrows.Index())
        {
            var entry = block.AsSpan(Header + i * Entry);
            BinaryPrimitives.WriteUInt32BigEndian(entry, borrow.Node.Value);
            BinaryPrimitives.WriteInt32BigEndian(entry[4..], (int)borrow.Kind);
            BinaryPrimitives.WriteUInt64BigEndian(entry[8..], borrow.Holder.Value);
        }
        return block;
    }
}
