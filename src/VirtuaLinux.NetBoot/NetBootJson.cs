using System.Text.Json.Serialization;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot;

/// <summary>Serialisation of what boot servers tell.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(IReadOnlyList<MachineBoot>))]
[JsonSerializable(typeof(IReadOnlyList<DiscoveredMachine>))]
public sealed partial class NetBootJson : JsonSerializerContext;
