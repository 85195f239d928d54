using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>Serialisation of the model, generated at build time: camel-case names, no nulls, unknown and repeated members refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false,
    WriteIndented = false)]
[JsonSerializable(typeof(Site))]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(ImageInfo))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(StoreUsage))]
[JsonSerializable(typeof(VerityTree))]
public sealed partial class ModelJson : JsonSerializerContext
{
    /// <summary>The same, for documents that another version of this program may have written: members that this one does not know are skipped.</summary>
    public static ModelJson OtherVersions => field ??= new(new JsonSerializerOptions(Default.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip });
}
