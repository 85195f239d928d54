using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Conformance;

/// <summary>Serialisation of what is said of distributions, generated at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, NewLine = "\n", WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<DistributionSummary>))]
[JsonSerializable(typeof(ConformanceReport))]
public sealed partial class ConformanceJson : JsonSerializerContext
{
    /// <summary>The same, with quotes and the like written as they are.</summary>
    public static ConformanceJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
