using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Inventory;

/// <summary>What an image was made from, as an in-toto statement (version 1) with SLSA's provenance (version 1) writes it: <c>IMAGE.provenance.json</c>. It is not signed yet.</summary>
public sealed record ProvenanceStatement
{
    /// <summary>Type of the statement.</summary>
    [JsonPropertyName("_type")]
    public string Type { get; init; } = "https://in-toto.io/Statement/v1";

    /// <summary>What it is about.</summary>
    public required IReadOnlyList<ProvenanceResource> Subject { get; init; }

    /// <summary>Type of what is said.</summary>
    public string PredicateType { get; init; } = "https://slsa.dev/provenance/v1";

    /// <summary>What is said.</summary>
    public required ProvenancePredicate Predicate { get; init; }

    /// <summary>The file's text.</summary>
    public string ToText() => JsonSerializer.Serialize(this, InventoryJson.Readable.ProvenanceStatement) + "\n";
}

/// <summary>A file or folder and its digests.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Digest">Digests by algorithm, in hexadecimal digits.</param>
/// <param name="Annotations">What else is to say.</param>
public sealed record ProvenanceResource(string Name, IReadOnlyDictionary<string, string> Digest, IReadOnlyDictionary<string, string>? Annotations = null)
{
    /// <summary>A resource with its SHA-256.</summary>
    public static ProvenanceResource Of(string name, string sha256) => new(name, new Dictionary<string, string> { ["sha256"] = sha256 });
}

/// <summary>How the subject was made.</summary>
public sealed record ProvenancePredicate(ProvenanceBuild BuildDefinition, ProvenanceRun RunDetails);

/// <summary>What went in.</summary>
/// <param name="BuildType">How to read the parameters.</param>
/// <param name="ExternalParameters">What the vendor asked for.</param>
/// <param name="InternalParameters">Programs of the build machine: Debian package and version.</param>
/// <param name="ResolvedDependencies">Files and folders that went in.</param>
public sealed record ProvenanceBuild(string BuildType, ProvenanceParameters ExternalParameters, IReadOnlyDictionary<string, string> InternalParameters, IReadOnlyList<ProvenanceResource> ResolvedDependencies);

/// <summary>What the vendor asked for.</summary>
public sealed record ProvenanceParameters(string Image, string? Mirror, long SourceDateEpoch);

/// <summary>Who made it.</summary>
public sealed record ProvenanceRun(ProvenanceBuilder Builder);

/// <summary>The program that made it.</summary>
public sealed record ProvenanceBuilder(string Id, IReadOnlyDictionary<string, string> Version);
