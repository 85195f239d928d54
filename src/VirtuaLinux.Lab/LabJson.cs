using System.Text.Json.Serialization;

namespace VirtuaLinux.Lab;

/// <summary>Serialisation of the lab's state and of what nodes report, generated at build time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(LabState))]
[JsonSerializable(typeof(NodeReport))]
[JsonSerializable(typeof(IReadOnlyList<BladeStatus>))]
public sealed partial class LabJson : JsonSerializerContext;
