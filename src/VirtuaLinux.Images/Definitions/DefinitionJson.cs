using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Serialisation of the files that describe images and distributions, generated at build time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ImageDefinition))]
[JsonSerializable(typeof(Distribution))]
public sealed partial class DefinitionJson : JsonSerializerContext;
