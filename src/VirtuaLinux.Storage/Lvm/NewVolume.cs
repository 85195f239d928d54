using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Lvm;

/// <summary>A volume that is to be added to a group.</summary>
/// <param name="Name">Its name, which no other volume has.</param>
/// <param name="Size">Its size, rounded up to whole extents.</param>
/// <param name="ReadOnly">Whether LVM shall only ever map it read-only.</param>
/// <param name="Tags">What to note about it.</param>
public sealed record NewVolume(string Name, ByteSize Size, bool ReadOnly, IReadOnlyList<string> Tags);
