using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Inventory;

/// <summary>Serialisation of what is said of an image's packages, generated at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, NewLine = "\n", WriteIndented = true)]
[JsonSerializable(typeof(PackageInventory))]
[JsonSerializable(typeof(SpdxDocument))]
[JsonSerializable(typeof(CycloneDxDocument))]
[JsonSerializable(typeof(ProvenanceStatement))]
[JsonSerializable(typeof(IReadOnlyList<PackageChange>))]
[JsonSerializable(typeof(Signing.VerifiedDelivery))]
public sealed partial class InventoryJson : JsonSerializerContext
{
    /// <summary>The same, with <c>+</c> and the like written as they are: no browser reads these files as a page's text.</summary>
    public static InventoryJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
