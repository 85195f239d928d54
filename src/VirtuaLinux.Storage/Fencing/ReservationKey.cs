using System.Globalization;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>A key of a persistent reservation (SPC-4, section 5.13): a mark of this product, a number of the node's boot, and the node's address on the cluster network.</summary>
/// <param name="Value">The 64 bits as the SAN holds them; 0 is no key.</param>
public readonly record struct ReservationKey(ulong Value)
{
    private const ulong Mark = 0x564C; // "VL"

    /// <summary>The key of a boot of a node.</summary>
    public ReservationKey(Ipv4Address node, ushort boot) : this(Mark << 48 | (ulong)boot << 32 | node.Value)
    {
    }

    /// <summary>The node's address, or null for a key that is not of this product.</summary>
    public Ipv4Address? Node => Value >> 48 == Mark ? new Ipv4Address((uint)Value) : null;

    /// <summary>Number of the boot, which grows, modulo 65,536.</summary>
    public ushort Boot => (ushort)(Value >> 32);

    /// <summary>The key that follows those which the SAN knows of the node: another one than all of them, and than one that was taken, whose owner would take it for its own when it wakes up.</summary>
    /// <param name="node">The node's address.</param>
    /// <param name="known">The keys that the SAN knows.</param>
    /// <param name="count">How often somebody was shut out or let in (<see cref="FenceBlock.Count"/>).</param>
    public static ReservationKey Next(Ipv4Address node, IEnumerable<ReservationKey> known, ulong count)
    {
        var own = known.Where(k => k.Node == node).Select(k => k.Boot).ToHashSet();
        var boot = (ushort)(Math.Max(own.DefaultIfEmpty().Max(), count % ushort.MaxValue) + 1);
        while (boot == 0 || own.Contains(boot)) boot++;
        return new ReservationKey(node, boot);
    }

    /// <summary>Reads the form that sg_persist(8) prints: <c>0x…</c>.</summary>
    public static bool TryParse(string text, out ReservationKey key)
    {
        ArgumentNullException.ThrowIfNull(text);
        key = default;
        if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || !ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) return false;
        key = new ReservationKey(value);
        return true;
    }

    /// <summary><c>0x564c00013f…</c></summary>
    public override string ToString() => $"0x{Value.ToString("x16", CultureInfo.InvariantCulture)}";
}
