using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage;

/// <summary>What a change takes of the volume group, beside what there is.</summary>
/// <param name="Needed">What the change takes.</param>
/// <param name="Free">What no volume uses.</param>
/// <param name="Reserve">What of it is kept for exception stores, and only an administrator takes.</param>
public sealed record SpaceNeed(ByteSize Needed, ByteSize Free, ByteSize Reserve)
{
    /// <summary>What an image takes: nothing when it is there already.</summary>
    public static SpaceNeed OfImage(VolumeGroup group, ImageInfo image, Percentage reserve) => Of(group, NodeVolumes.NeedOf(group, image), reserve);

    /// <summary>What the volumes of nodes take, and the one that they share: those that are missing, and what the others have to grow by.</summary>
    public static SpaceNeed OfNodes(VolumeGroup group, IEnumerable<string> nodes, SiteVolumes volumes)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        return Of(group, NodeVolumes.NeedOf(group, nodes, volumes), volumes.Reserve);
    }

    /// <summary>Whether there is room, be it in the reserve.</summary>
    public bool Fits => Needed <= Free;

    /// <summary>Whether the change takes from the reserve.</summary>
    public bool TakesReserve => Needed.Bytes > 0 && Free.Bytes - Needed.Bytes < Reserve.Bytes;

    /// <summary>The figures in words.</summary>
    public override string ToString() => $"{Needed.ToRoundedString()} needed, {Free.ToRoundedString()} free, reserve {Reserve.ToRoundedString()}";

    /// <summary>Refuses a change that does not fit, or that takes from the reserve unasked.</summary>
    /// <param name="what">What needs the space.</param>
    /// <param name="fromReserve">Whether it may take from the reserve.</param>
    /// <exception cref="FailureException">It may not be made; the figures, and what to do instead.</exception>
    public void Require(string what, bool fromReserve)
    {
        if (Needed.Bytes == 0) return;
        const string advice = "delete what 'virtualinux storage ledger' says is not needed, or let the array grow the LUN and take that over with 'virtualinux storage extend'";
        if (!Fits) throw new FailureException($"no room for {what}: {this}; {advice}");
        if (TakesReserve && !fromReserve) throw new FailureException($"{what} would take from the reserve, which exception stores grow from when they fill: {this}; {advice}; or add --from-reserve");
    }

    private static SpaceNeed Of(VolumeGroup group, long needed, Percentage reserve)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new SpaceNeed(new ByteSize(needed), new ByteSize(group.FreeExtents * group.ExtentSectors * 512), VolumeSizes.Reserve(group, reserve));
    }
}
