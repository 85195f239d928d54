using System.Text.Json.Serialization;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>Serialisation of the lab's state and of what nodes report, generated at build time.</summary>
/// <remarks>Members with a default are <c>set</c>, not <c>init</c>: see <see cref="YamlFile"/>.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(LabState))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(IReadOnlyList<BladeStatus>))]
public sealed partial class LabJson : JsonSerializerContext;
