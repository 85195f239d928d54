using System.Text.Json.Serialization;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images;

/// <summary>The last line of <c>build --json</c>.</summary>
/// <param name="Iso">The installer medium.</param>
/// <param name="Image">Name and version of the image.</param>
/// <param name="Sha256">The medium's digest, in lower-case hexadecimal.</param>
/// <param name="Reproducible">True when a second build gave the same medium; absent when none was made.</param>
public sealed record BuildReport(string Iso, ImageVersion Image, string Sha256, bool? Reproducible);

/// <summary>Serialisation of what <c>build --json</c> prints, generated at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(BuildEvent))]
[JsonSerializable(typeof(BuildReport))]
public sealed partial class BuildJson : JsonSerializerContext;
