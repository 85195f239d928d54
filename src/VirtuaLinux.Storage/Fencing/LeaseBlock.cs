using System.Buffers.Binary;
using System.Text;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>One block of the LUN that says who may do something now, such as change the volume group: magic (8 bytes), how often it was taken or renewed (8, big-endian), the holder's reservation key (8), the holder's name (UTF-8, 64 bytes at most), and, where that is noted, since when (8, seconds since 1970). No key: nobody.</summary>
/// <param name="Count">Counts up with every change, so that two blocks are never equal.</param>
/// <param name="Holder">The key of the holder; the null key when nobody holds it.</param>
/// <param name="Name">The holder's name, for people.</param>
/// <param name="Since">When the holder took it, in seconds since 1970; 0 where that is not noted.</param>
public readonly record struct LeaseBlock(ulong Count, ReservationKey Holder, string Name, long Since = 0)
{
    private const int NameOffset = 24, NameLength = 64, SinceOffset = NameOffset + NameLength;

    internal static ReadOnlySpan<byte> Magic => "VLLEASE1"u8;

    /// <summary>Whether nobody holds it.</summary>
    public bool IsFree => Holder == default;

    /// <summary>Reads a block; one that was never written is free.</summary>
    /// <returns>False when something else is there.</returns>
    public static bool TryRead(ReadOnlySpan<byte> block, out LeaseBlock lease)
    {
        lease = new LeaseBlock(0, default, "");
        if (!block.ContainsAnyExcept((byte)0)) return true;
        if (block.Length < SinceOffset + 8 || !block.StartsWith(Magic)) return false;
        var name = block.Slice(NameOffset, NameLength);
        if (name.IndexOf((byte)0) is >= 0 and var end) name = name[..end];
        lease = new LeaseBlock(BinaryPrimitives.ReadUInt64BigEndian(block[8..]), new ReservationKey(BinaryPrimitives.ReadUInt64BigEndian(block[16..])), Encoding.UTF8.GetString(name), BinaryPrimitives.ReadInt64BigEndian(block[SinceOffset..]));
        return true;
    }

    /// <summary>The block's bytes.</summary>
    /// <param name="size">Length of a block of the LUN, in bytes.</param>
    public byte[] ToBytes(int size)
    {
        var block = new byte[size];
        Magic.CopyTo(block);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), Count);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(16), Holder.Value);
        Encoding.UTF8.TryGetBytes(Name, block.AsSpan(NameOffset, NameLength), out _);
        BinaryPrimitives.WriteInt64BigEndian(block.AsSpan(SinceOffset), Since);
        return block;
    }
}
