using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Decides when a node's exception store grows: state and what is seen in, state and actions out; no clock, device or file.</summary>
public static class StoreGuard
{
    /// <summary>The kernel tells when less than this share of the data is free: a tenth of it is still there while the store grows.</summary>
    public const int LowWaterPercent = 20;

    private const int MetadataPercent = 70;

    /// <summary>Whether a pool has all that it needs, so that the volume group need not be looked at: a thousand nodes look twice a minute.</summary>
    public static bool IsQuiet(PoolStatus pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        return pool.Mode == PoolMode.Writable && !NeedsMetadata(pool) && HasRoom(pool);
    }

    /// <summary>What follows from what is seen.</summary>
    public static (StoreLevel Level, IReadOnlyList<GuardAction> Actions) Next(StoreLevel level, StoreSeen seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var pool = seen.Pool;
        if (pool.Mode is PoolMode.Damaged or PoolMode.Failed)
            return Tell(level, StoreLevel.Damaged, "the exception store's metadata is damaged; the root takes no writes: restart the node, whose initrd repairs the metadata; where it cannot, its console shows the commands that let the root begin anew");
        // An older growth was committed, and did not get as far as the pool.
        if (seen.DataVolume.Bytes - pool.DataSize >= VolumeSizes.PoolBlock.Bytes) return (StoreLevel.Enough, [new GuardAction.GrowData(seen.DataVolume)]);
        List<GuardAction> actions = [];
        var room = seen.GroupFree.Bytes - seen.Reserve.Bytes;
        if (NeedsMetadata(pool) && VolumeSizes.InExtents(new ByteSize(pool.MetadataSize)) <= room)
        {
            actions.Add(new GuardAction.GrowMetadata(new ByteSize(pool.MetadataSize * 2)));
            room -= VolumeSizes.InExtents(new ByteSize(pool.MetadataSize));
        }
        if (pool.Mode != PoolMode.Full && HasRoom(pool)) return (StoreLevel.Enough, actions);
        // By half, so that the number of growths is logarithmic; never less than what is worth the commit, never more than there may be.
        var wanted = Math.Min(Math.Max(pool.DataSize / 2, VolumeSizes.SmallestStore.Bytes), seen.Limit.Bytes - pool.DataSize);
        var step = Math.Min(wanted, room) / SanLayout.ExtentSize.Bytes * SanLayout.ExtentSize.Bytes;
        if (step > 0)
        {
            actions.Add(new GuardAction.GrowData(new ByteSize(pool.DataSize + step)));
            return (StoreLevel.Enough, actions);
        }
        var why = wanted < SanLayout.ExtentSize.Bytes
            ? $"it has reached its limit of {seen.Limit}"
            : $"the volume group has {seen.GroupFree.ToRoundedString()} left, of which {seen.Reserve.ToRoundedString()} are the reserve";
        var (next, said) = pool.Mode == PoolMode.Full
            ? Tell(level, StoreLevel.Full, $"the exception store is full and cannot grow: {why}. Writes wait, and go on when there is room: delete files and run fstrim, delete volumes that nobody uses (virtualinux storage ledger), or take from the reserve with 'virtualinux storage grow'")
            : Tell(level, StoreLevel.Low, $"the exception store is nearly full ({pool.DataUsed * 100 / pool.DataSize} %) and cannot grow: {why}. Delete files and run fstrim, or delete volumes that nobody uses (virtualinux storage ledger)");
        return (next, [.. actions, .. said]);
    }

    private static bool NeedsMetadata(PoolStatus pool) => pool.MetadataUsed * 100 > pool.MetadataSize * MetadataPercent;

    private static bool HasRoom(PoolStatus pool) => (pool.DataSize - pool.DataUsed) * 100 >= pool.DataSize * LowWaterPercent;

    /// <summary>What is worth saying is said once.</summary>
    private static (StoreLevel, IReadOnlyList<GuardAction>) Tell(StoreLevel before, StoreLevel now, string text) => (now, before == now ? [] : [new GuardAction.Say(text)]);
}

/// <summary>What the guard looks at.</summary>
/// <param name="Pool">The node's pool.</param>
/// <param name="DataVolume">Size of the volume below its data.</param>
/// <param name="GroupFree">What no volume of the group uses.</param>
/// <param name="Reserve">What only an administrator takes.</param>
/// <param name="Limit">The most that one node's store may have.</param>
public sealed record StoreSeen(PoolStatus Pool, ByteSize DataVolume, ByteSize GroupFree, ByteSize Reserve, ByteSize Limit);

/// <summary>How an exception store is.</summary>
public enum StoreLevel
{
    /// <summary>There is room, or it grows.</summary>
    Enough,

    /// <summary>Nearly full, and it cannot grow.</summary>
    Low,

    /// <summary>Full: writes wait.</summary>
    Full,

    /// <summary>Its metadata is damaged.</summary>
    Damaged,
}

/// <summary>What the guard does.</summary>
public abstract record GuardAction
{
    private GuardAction()
    {
    }

    /// <summary>Tell whoever works on the node.</summary>
    public sealed record Say(string Text) : GuardAction;

    /// <summary>Grow the data to a size.</summary>
    public sealed record GrowData(ByteSize Size) : GuardAction;

    /// <summary>Grow the metadata to a size.</summary>
    public sealed record GrowMetadata(ByteSize Size) : GuardAction;
}
