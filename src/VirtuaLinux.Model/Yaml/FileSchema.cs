using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace VirtuaLinux.Model.Yaml;

/// <summary>The JSON schema of a type, exported from its source-generated metadata, and the text forms that its strings must have.</summary>
internal sealed class FileSchema
{
    private static readonly ConcurrentDictionary<JsonTypeInfo, FileSchema> Known = new();

    private readonly Dictionary<string, IParsableJsonConverter> forms = new(StringComparer.Ordinal);

    private FileSchema(JsonTypeInfo type)
    {
        Root = JsonSchemaExporter.GetJsonSchemaAsNode(type.Options, type.Type, new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform });
    }

    /// <summary>The schema itself (JSON Schema 2020-12).</summary>
    public JsonNode Root { get; }

    public static FileSchema For(JsonTypeInfo type) => Known.GetOrAdd(type, static t => new FileSchema(t));

    /// <summary>The form that a string of this schema must have, if it is more than text.</summary>
    public IParsableJsonConverter? FormOf(JsonObject schema) =>
        schema["format"] is JsonValue format && forms.TryGetValue(format.GetValue<string>(), out var form) ? form : null;

    /// <summary>The schema as an object, references followed; null for "anything".</summary>
    public JsonObject? Resolve(JsonNode? schema)
    {
        for (var hops = 0; hops < 32 && schema is JsonObject o && o["$ref"] is JsonValue reference; hops++)
        {
            schema = Root;
            foreach (var step in reference.GetValue<string>().TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
                schema = schema is JsonArray array ? array[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)] : schema?[step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)];
        }
        return schema as JsonObject;
    }

    private JsonNode Transform(JsonSchemaExporterContext context, JsonNode schema)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) is { } inner ? context.TypeInfo.Options.GetTypeInfo(inner) : context.TypeInfo;
        if (type.Converter is IParsableJsonConverter converter)
        {
            var format = KebabCase(converter.ValueType.Name);
            forms[format] = converter;
            var text = new JsonObject { ["type"] = "string", ["format"] = format };
            if (converter.ValueType.GetCustomAttribute<TextFormAttribute>() is not { } form) return text;
            text["pattern"] = form.Pattern;
            text["examples"] = new JsonArray(form.Example);
            return text;
        }
        if (schema is not JsonObject o) return schema;
        // An absent key says "none"; a key with nothing behind it is a slip of the pen, so that null is no value in files.
        if (o["type"] is JsonArray types && types.FirstOrDefault(t => t?.GetValue<string>() != "null") is { } only) o["type"] = only.DeepClone();
        if (o["enum"] is JsonArray { Count: > 0 } values && values.Any(v => v is null)) o["enum"] = new JsonArray([.. values.Where(v => v is not null).Select(v => v!.DeepClone())]);
        if (type.Type == typeof(int)) o["format"] = "int32";
        return o;
    }

    private static string KebabCase(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }
}
