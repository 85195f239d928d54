using System.Globalization;
using System.Text;

namespace VirtuaLinux.Storage.Lvm;

/// <summary>Writes a volume group in the form that vgcfgrestore(8) reads.</summary>
public static class VolumeGroupWriter
{
    /// <summary>The text, with the sequence number that the group has.</summary>
    public static string Write(VolumeGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $$"""
            contents = "Text Format Volume Group"
            version = 1
            description = ""
            creation_host = "virtualinux"
            creation_time = 0

            {{group.Name}} {
            id = "{{group.Id}}"
            seqno = {{group.Sequence}}
            format = "lvm2"
            status = ["RESIZEABLE", "READ", "WRITE"]
            flags = []
            extent_size = {{group.ExtentSectors}}
            max_lv = 0
            max_pv = 0
            metadata_copies = 0
            physical_volumes {

            """);
        foreach (var physical in group.PhysicalVolumes)
            text.Append(CultureInfo.InvariantCulture, $$"""
                {{physical.Name}} {
                id = "{{physical.Id}}"
                device = "unknown"
                status = ["ALLOCATABLE"]
                flags = []
                pe_start = {{physical.Start}}
                pe_count = {{physical.Count}}
                }

                """);
        text.Append("}\nlogical_volumes {\n");
        foreach (var volume in group.Volumes) Append(text, volume);
        return text.Append("}\n}\n").ToString();
    }

    private static void Append(StringBuilder text, LogicalVolume volume)
    {
        var status = volume.ReadOnly ? "\"READ\", \"VISIBLE\"" : "\"READ\", \"WRITE\", \"VISIBLE\"";
        var tags = string.Join(", ", volume.Tags.Select(t => $"\"{t}\""));
        text.Append(CultureInfo.InvariantCulture, $$"""
            {{volume.Name}} {
            id = "{{volume.Id}}"
            status = [{{status}}]
            flags = []
            tags = [{{tags}}]
            segment_count = {{volume.Segments.Count}}

            """);
        long start = 0;
        foreach (var (index, segment) in volume.Segments.Index())
        {
            text.Append(CultureInfo.InvariantCulture, $$"""
                segment{{index + 1}} {
                start_extent = {{start}}
                extent_count = {{segment.Count}}
                type = "striped"
                stripe_count = 1
                stripes = ["{{segment.PhysicalVolume}}", {{segment.First}}]
                }

                """);
            start += segment.Count;
        }
        text.Append("}\n");
    }
}
