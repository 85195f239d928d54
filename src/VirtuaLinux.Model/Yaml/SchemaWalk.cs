using System.Globalization;
using System.Text.Json.Nodes;

namespace VirtuaLinux.Model.Yaml;

/// <summary>Walks a YAML tree beside its schema: lists every fault with its line, remembers the line of every value, and leaves the JSON tree that the serializer binds.</summary>
/// <remarks>The schema decides what a plain scalar is, so that text never turns into a number or a truth value by accident (<c>name: 007</c>, <c>name: no</c>).</remarks>
internal sealed class SchemaWalk(string file, FileSchema schema)
{
    private readonly List<Diagnostic> errors = [];
    private readonly Dictionary<string, int> lines = new(StringComparer.Ordinal);

    public IReadOnlyList<Diagnostic> Errors => errors;

    public IReadOnlyDictionary<string, int> Lines => lines;

    public JsonNode? Convert(YamlValue root) => Convert(root, schema.Root, JsonPath.Root, root.Line);

    private JsonNode? Convert(YamlValue value, JsonNode? node, string path, int line)
    {
        lines[path] = line;
        if (schema.Resolve(node) is not { Count: > 0 } rules) return Untyped(value, path, line);
        var wanted = rules["type"]?.GetValue<string>();
        if (wanted is null && rules["enum"] is not null) wanted = "string";
        if (value is YamlScalar { IsNull: true }) return Wrong(line, $"{Name(path)} has no value", path == JsonPath.Root ? "write its required keys" : $"write {Form(wanted)}, or remove the line");
        return (wanted, value) switch
        {
            ("object", YamlMap map) => Object(map, rules, path, line),
            ("array", YamlList list) => Array(list, rules, path),
            ("string", YamlScalar scalar) => Text(scalar, rules, path, line),
            ("integer", YamlScalar scalar) => Integer(scalar, rules, path, line),
            ("number", YamlScalar scalar) => Number(scalar, path, line),
            ("boolean", YamlScalar scalar) => Boolean(scalar, path, line),
            (null, _) => Untyped(value, path, line),
            _ => Wrong(line, $"{Name(path)} is {Kind(value)}", $"write {Form(wanted)}"),
        };
    }

    private JsonObject Object(YamlMap map, JsonObject rules, string path, int line)
    {
        var known = rules["properties"] as JsonObject;
        var others = rules["additionalProperties"];
        var result = new JsonObject();
        var meant = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in map.Members)
        {
            var rule = known?[member.Key] ?? (others is JsonObject ? others : null);
            if (rule is null && (known is not null || others is JsonValue v && !v.GetValue<bool>()))
            {
                var key = Unknown(member, [.. known?.Select(k => k.Key) ?? []]);
                meant.Add(key);
                // What stands behind a mistyped key is checked as if it were typed right, so that one run lists all faults.
                if (known?[key] is { } meantRule) Convert(member.Value, meantRule, JsonPath.Member(path, member.Key), member.Line);
                continue;
            }
            result[member.Key] = Convert(member.Value, rule, JsonPath.Member(path, member.Key), member.Line);
        }
        foreach (var required in (rules["required"] as JsonArray ?? []).Select(r => r!.GetValue<string>()))
            if (!result.ContainsKey(required) && !meant.Contains(required))
                Wrong(line, $"'{required}' is missing in {Place(path)}", $"add {Sample(required, schema.Resolve(known?[required]))}");
        return result;
    }

    /// <summary>Reports an unknown key; returns the key that was probably meant, so that it is not reported as missing too.</summary>
    private string Unknown(YamlMember member, string[] known)
    {
        var meant = NearMiss.Of(member.Key, known);
        var advice = meant is not null ? $"did you mean '{meant}'?" : $"known here: {string.Join(", ", known)}";
        Wrong(member.Line, $"unknown key '{Short(member.Key)}'", advice);
        return meant ?? "";
    }

    private JsonArray Array(YamlList list, JsonObject rules, string path)
    {
        var result = new JsonArray();
        for (var i = 0; i < list.Items.Count; i++) result.Add(Convert(list.Items[i], rules["items"], JsonPath.Item(path, i), list.Items[i].Line));
        return result;
    }

    private JsonNode? Text(YamlScalar scalar, JsonObject rules, string path, int line)
    {
        if (schema.FormOf(rules) is { } form && form.Complaint(scalar.Text) is { } complaint)
        {
            var cut = complaint.LastIndexOf("; ", StringComparison.Ordinal);
            var (message, advice) = cut < 0 ? (complaint, $"write {Form("string")}") : (complaint[..cut], complaint[(cut + 2)..]);
            return Wrong(line, $"{Name(path)}: {Short(message)}", advice);
        }
        if (rules["enum"] is JsonArray values && !values.Any(v => v is JsonValue text && text.TryGetValue(out string? s) && s == scalar.Text))
        {
            string[] allowed = [.. values.Select(v => v!.ToString())];
            return Wrong(line, $"{Name(path)}: '{Short(scalar.Text)}' is not one of its values", NearMiss.Of(scalar.Text, allowed) is { } meant ? $"did you mean '{meant}'?" : $"write one of: {string.Join(", ", allowed)}");
        }
        return JsonValue.Create(scalar.Text);
    }

    private JsonNode? Integer(YamlScalar scalar, JsonObject rules, string path, int line)
    {
        if (!long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return Wrong(line, $"{Name(path)}: '{Short(scalar.Text)}' is not a whole number", "write digits only, such as 1");
        if (rules["format"]?.GetValue<string>() == "int32" && number is < int.MinValue or > int.MaxValue) return Wrong(line, $"{Name(path)}: {number} is out of range", $"write a number below {int.MaxValue}");
        return JsonValue.Create(number);
    }

    private JsonNode? Number(YamlScalar scalar, string path, int line) =>
        double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : Wrong(line, $"{Name(path)}: '{Short(scalar.Text)}' is not a number", "write digits with a decimal point, such as 1.5");

    private JsonNode? Boolean(YamlScalar scalar, string path, int line) => scalar.Text switch
    {
        "true" or "True" or "TRUE" when scalar.IsPlain => JsonValue.Create(true),
        "false" or "False" or "FALSE" when scalar.IsPlain => JsonValue.Create(false),
        _ => Wrong(line, $"{Name(path)}: '{Short(scalar.Text)}' is not a truth value", "write true or false, without quotes"),
    };

    /// <summary>A value that the schema leaves open: YAML 1.2's core schema decides.</summary>
    private JsonNode? Untyped(YamlValue value, string path, int line)
    {
        lines[path] = line;
        switch (value)
        {
            case YamlMap map:
                var result = new JsonObject();
                foreach (var member in map.Members) result[member.Key] = Untyped(member.Value, JsonPath.Member(path, member.Key), member.Line);
                return result;
            case YamlList list:
                var array = new JsonArray();
                for (var i = 0; i < list.Items.Count; i++) array.Add(Untyped(list.Items[i], JsonPath.Item(path, i), list.Items[i].Line));
                return array;
            case YamlScalar { IsNull: true }:
                return null;
            case YamlScalar { IsPlain: true } scalar:
                if (bool.TryParse(scalar.Text, out var truth)) return truth;
                if (long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
                return double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : scalar.Text;
            default:
                return ((YamlScalar)value).Text;
        }
    }

    private JsonNode? Wrong(int line, string message, string advice)
    {
        errors.Add(new Diagnostic(file, line, message, advice));
        return null;
    }

    private static string Name(string path) => path == JsonPath.Root ? "the file" : $"'{Short(JsonPath.ToText(path))}'";

    private static string Place(string path) => path == JsonPath.Root ? "the file" : Short(JsonPath.ToText(path));

    private static string Kind(YamlValue value) => value switch { YamlMap => "a set of keys", YamlList => "a list", _ => "plain text" };

    private static string Form(string? type) => type switch
    {
        "object" => "keys and values, as in { key: value }",
        "array" => "a list, as in [ one, two ]",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "text",
    };

    private static string Sample(string key, JsonObject? rules) => (rules?["examples"] as JsonArray)?[0] is { } example
        ? $"'{key}: {example}'"
        : rules?["type"]?.GetValue<string>() switch
        {
            "object" => $"'{key}:' with its keys",
            "array" => $"'{key}:' with a list",
            _ => $"'{key}: …'",
        };

    private static string Short(string text) => text.Length <= 120 ? text : $"{text[..117]}…";
}
