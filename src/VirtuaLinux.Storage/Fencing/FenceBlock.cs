using System.Buffers.Binary;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// One block of the LUN with the nodes that are shut out until somebody lets them in again: they do not boot, so that what another one does with their volumes is not disturbed.
/// Magic (8 bytes), how often it was changed (8, big-endian), number of nodes (4), their addresses on the cluster network (4 each).
/// </summary>
/// <param name="Count">Counts up with every change, so that two blocks are never equal.</param>
/// <param name="Nodes">Their addresses.</param>
public sealed record FenceBlock(ulong Count, IReadOnlyList<Ipv4Address> Nodes)
{
    /// <summary>The most nodes that can be shut out at once: what fits into the smallest block.</summary>
    public const int Capacity = (512 - Header) / 4;

    private const int Header = 20;

    internal static ReadOnlySpan<byte> Magic => "VLFENCE1"u8;

    /// <summary>Reads a block; one that was never written shuts nobody out.</summary>
    /// <returns>False when something else is there.</returns>
    public static bool TryRead(ReadOnlySpan<byte> block, out FenceBlock fences)
    {
        fences = new FenceBlock(0, []);
        if (!block.ContainsAnyExcept((byte)0)) return true;
        if (block.Length < Header || !block.StartsWith(Magic)) return false;
        var number = BinaryPrimitives.ReadInt32BigEndian(block[16..]);
        if (number is < 0 or > Capacity || Header + number * 4 > block.Length) return false;
        var nodes = new Ipv4Address[number];
        for (var i = 0; i < number; i++) nodes[i] = new Ipv4Address(BinaryPrimitives.ReadUInt32BigEndian(block[(Header + i * 4)..]));
        fences = new FenceBlock(BinaryPrimitives.ReadUInt64BigEndian(block[8..]), nodes);
        return true;
    }

    /// <summary>The block with a node shut out or let in.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isFenced">Whether it is shut out.</param>
    /// <param name="present">Addresses of the site's nodes, where they are known: in a full block, whoever was removed from the site longest ago makes room.</param>
    /// <exception cref="VirtuaLinux.Host.FailureException">The block is full.</exception>
    public FenceBlock With(Ipv4Address node, bool isFenced, IReadOnlyCollection<Ipv4Address>? present = null)
    {
        // In the order in which they were shut out.
        var others = Nodes.Where(n => n != node).ToList();
        if (isFenced && others.Count >= Capacity && present is not null && others.FindIndex(n => !present.Contains(n)) is >= 0 and var removed) others.RemoveAt(removed);
        if (isFenced && others.Count >= Capacity) throw new Host.FailureException($"{Capacity} nodes are fenced already; let some in again (virtualinux node unfence)");
        return new FenceBlock(Count + 1, isFenced ? [.. others, node] : [.. others]);
    }

    /// <summary>The block's bytes.</summary>
    /// <param name="size">Length of a block of the LUN, in bytes.</param>
    public byte[] ToBytes(int size)
    {
        var block = new byte[size];
        Magic.CopyTo(block);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), Count);
        BinaryPrimitives.WriteInt32BigEndian(block.AsSpan(16), Nodes.Count);
        for (var i = 0; i < Nodes.Count; i++) BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(Header + i * 4), Nodes[i].Value);
        return block;
    }
}
