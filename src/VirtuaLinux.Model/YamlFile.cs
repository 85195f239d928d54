using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VirtuaLinux.Model.Yaml;

namespace VirtuaLinux.Model;

/// <summary>Loads the YAML files that people write: strict, with every fault listed by line.</summary>
/// <remarks>
/// A record's optional members must be <c>set</c> and not <c>init</c> when they have a default: deserialisation that is generated at build time resets init-only members which the file leaves out.
/// </remarks>
public static class YamlFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Loads a text as <typeparamref name="T"/>. Never throws, whatever the text is.</summary>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="type">Generated metadata of the type, such as <c>ModelJson.Default.Site</c>.</param>
    public static Loaded<T> Load<T>(string fileName, string text, JsonTypeInfo<T> type) where T : class
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(type);
        if (YamlReader.Read(fileName, text, out var errors) is not { } root) return new Loaded<T>(fileName, null, errors, new Dictionary<string, int>());
        var walk = new SchemaWalk(fileName, FileSchema.For(type));
        var tree = walk.Convert(root);
        if (walk.Errors.Count > 0) return new Loaded<T>(fileName, null, walk.Errors, walk.Lines);
        var located = new Loaded<T>(fileName, null, [], walk.Lines);
        try
        {
            return new Loaded<T>(fileName, tree.Deserialize(type), [], walk.Lines);
        }
        catch (JsonException e)
        {
            return located.WithErrors([located.At(e.Path ?? JsonPath.Root, $"'{JsonPath.ToText(e.Path ?? JsonPath.Root)}': {Reason(e)}", "correct the value")]);
        }
    }

    /// <summary>The keys of a text's outermost mapping, to tell by what a file it is of; none where it is malformed or no mapping.</summary>
    public static IReadOnlyList<string> Keys(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return YamlReader.Read("", text, out _) is YamlMap map ? [.. map.Members.Select(m => m.Key)] : [];
    }

    /// <summary>The JSON schema of a file's type, indented, for editors.</summary>
    public static string Schema<T>(JsonTypeInfo<T> type) where T : class
    {
        ArgumentNullException.ThrowIfNull(type);
        return FileSchema.For(type).Root.ToJsonString(Indented);
    }

    private static string Reason(JsonException e)
    {
        // The serializer appends " Path: $… | LineNumber: …" to its own messages.
        var path = e.Message.IndexOf(" Path: $", StringComparison.Ordinal);
        return (path < 0 ? e.Message : e.Message[..path]).TrimEnd('.');
    }
}
