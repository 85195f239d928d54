using System.Buffers.Binary;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// One block of the LUN that says who is copying the site to another array. A machine that starts from this LUN clears it, so that a copy which it may have outdated is never taken for the site:
/// magic (8 bytes), the copier's reservation key (8, big-endian), the copy's identifier (16).
/// </summary>
/// <param name="Mover">Key of the machine that copies; the null key on a SAN that can fence nobody.</param>
/// <param name="Copy">What the copy is known by; empty when nobody copies.</param>
public readonly record struct MoveBlock(ReservationKey Mover, Guid Copy)
{
    private const int Length = 32;

    internal static ReadOnlySpan<byte> Magic => "VLMOVE01"u8;

    /// <summary>Reads a block; one that was never written, or cleared, names nobody.</summary>
    /// <returns>False when something else is there.</returns>
    public static bool TryRead(ReadOnlySpan<byte> block, out MoveBlock move)
    {
        move = default;
        if (!block.ContainsAnyExcept((byte)0)) return true;
        if (block.Length < Length || !block.StartsWith(Magic)) return false;
        move = new MoveBlock(new ReservationKey(BinaryPrimitives.ReadUInt64BigEndian(block[8..])), new Guid(block[16..Length]));
        return true;
    }

    /// <summary>The block's bytes.</summary>
    /// <param name="size">Length of a block of the LUN, in bytes.</param>
    public byte[] ToBytes(int size)
    {
        var block = new byte[size];
        if (Copy == Guid.Empty) return block;
        Magic.CopyTo(block);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), Mover.Value);
        Copy.TryWriteBytes(block.AsSpan(16));
        return block;
    }
}
