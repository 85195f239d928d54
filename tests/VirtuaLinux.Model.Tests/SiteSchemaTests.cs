using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace VirtuaLinux.Model.Tests;

/// <summary>site.schema.json is made here: the exported schema, with the records' doc comments as descriptions. UPDATE_EXPECTATIONS=1 rewrites it.</summary>
public partial class SiteSchemaTests
{
    private static readonly Dictionary<string, string> Comments = XDocument.Load(Path.Combine(AppContext.BaseDirectory, "VirtuaLinux.Model.xml"))
        .Descendants("member").ToDictionary(m => m.Attribute("name")!.Value, m => Text(m.Element("summary")));

    [Fact]
    public void The_schema_for_editors_is_that_of_the_records_with_their_doc_comments()
    {
        var schema = (JsonObject)JsonNode.Parse(YamlFile.Schema(ModelJson.Default.Site))!;
        Describe(schema, typeof(Site));
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "VirtuaLinux site file");
        var json = schema.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
        var file = Repository.PathOf("src", "VirtuaLinux.Model", "site.schema.json");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(file, json);
        Assert.Equal(File.ReadAllText(file), json);
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") != "1") Assert.Equal(json, SiteSchema.Json);
    }

    [Fact]
    public void Every_key_of_the_schema_has_a_description()
    {
        var keys = Descendants(JsonNode.Parse(SiteSchema.Json)!).OfType<JsonObject>().Where(o => o["properties"] is JsonObject).SelectMany(o => (JsonObject)o["properties"]!).ToList();
        Assert.True(keys.Count > 30);
        Assert.All(keys, k => Assert.NotNull(k.Value!["description"]));
    }

    private static void Describe(JsonObject schema, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (schema["items"] is JsonObject items) Describe(items, type.GetGenericArguments()[0]);
        if (schema["additionalProperties"] is JsonObject values) Describe(values, type.GetGenericArguments()[1]);
        if (schema["properties"] is not JsonObject members) return;
        schema["description"] = Comments[$"T:{type.FullName}"];
        foreach (var (name, node) in members.ToList())
        {
            var member = type.GetProperty(char.ToUpperInvariant(name[0]) + name[1..])!;
            var rules = (JsonObject)node!;
            Describe(rules, member.PropertyType);
            rules["description"] = Comments[$"P:{type.FullName}.{member.Name}"];
        }
    }

    private static IEnumerable<JsonNode> Descendants(JsonNode node) => node switch
    {
        JsonObject o => o.Where(m => m.Value is not null).SelectMany(m => Descendants(m.Value!)).Prepend(node),
        JsonArray a => a.Where(i => i is not null).SelectMany(i => Descendants(i!)).Prepend(node),
        _ => [node],
    };

    private static string Text(XElement? summary) => summary is null ? "" : Blanks().Replace(string.Concat(summary.Nodes().Select(n => n switch
    {
        XElement { Name.LocalName: "see" } see => Reference(see.Attribute("cref")?.Value ?? ""),
        XElement e => $"'{e.Value}'",
        _ => n.ToString(),
    })), " ").Trim();

    /// <summary>A member of a record is a key of the file.</summary>
    private static string Reference(string cref) => cref.Split('.')[^1] is { Length: > 0 } name ? $"'{char.ToLowerInvariant(name[0])}{name[1..]}'" : "";

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
