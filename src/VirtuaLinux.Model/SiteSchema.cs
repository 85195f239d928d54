namespace VirtuaLinux.Model;

/// <summary>The JSON schema of <c>site.yaml</c> for editors, with a description of every key.</summary>
/// <remarks>The file is made from the records and their doc comments by the tests, which fail when it is stale; so it is reviewed like code.</remarks>
public static class SiteSchema
{
    /// <summary>The schema (JSON Schema 2020-12) as text.</summary>
    public static string Json { get; } = Read();

    private static string Read()
    {
        using var stream = typeof(SiteSchema).Assembly.GetManifestResourceStream("site.schema.json")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
