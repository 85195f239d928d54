using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The dry run of an installation: everything that will change, and what will be destroyed.</summary>
public sealed record Plan(Site Site, ImageInfo Image, string Disk, string Wwid, ByteSize DiskSize, string? Foreign)
{
    /// <summary>Why the plan cannot be carried out, or null.</summary>
    public string? Obstacle()
    {
        var required = VolumeSizes.Required(Site.Volumes, Site.Nodes.Count, Image);
        return DiskSize >= required
            ? null
            : $"the LUN is too small: it has {DiskSize.ToRoundedString()}, and {Site.Nodes.Count} nodes with root {Site.Volumes.Root} and local {Site.Volumes.Local}, the image and a reserve of {Site.Volumes.Reserve} need {required.ToRoundedString()}: {new ByteSize(required.Bytes - DiskSize.Bytes).ToRoundedString()} are missing; grow the LUN, or lower volumes: in the site file";
    }

    /// <summary>The plan in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"PLAN for site '{Site.Name}', image {Image.Image}";
        yield return $"  LUN        {Disk}, {DiskSize.ToRoundedString()}, WWID {Wwid}";
        yield return Foreign is null ? "  destroys   nothing: the LUN is blank" : $"  DESTROYS   {Foreign}";
        yield return $"  partitions {string.Join(", ", SanLayout.PartitionNames)}";
        yield return $"  origin     {NodeVolumes.OriginName(Image.Image)}, {new ByteSize(Image.RootSize).ToRoundedString()}, digest {Image.RootDigest[..16]}";
        yield return $"  boot files {NodeVolumes.BootName(Image.Image)}, {new ByteSize(Image.BootSize).ToRoundedString()}";
        foreach (var node in Site.Nodes.Select(ManifestNode.From))
            yield return $"  {node.Name,-10} {node.Cluster.Mac} {node.Cluster.Ip}: root {Site.Volumes.Root.ToRoundedString()} (copy on write), local {Site.Volumes.Local.ToRoundedString()}";
        if (Site.SharedAddress is { } shared) yield return $"  shared     {Site.Volumes.Shared.ToRoundedString()}, on every node, served on {shared}";
        yield return $"  services   DHCP, TFTP, HTTP, HTTPS on {Site.ClusterNetwork.Subnet}{(Site.ClusterNetwork.Discovery is { } range ? $", discovery {range}" : "")}";
    }
}
