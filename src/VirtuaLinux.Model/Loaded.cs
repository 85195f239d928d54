namespace VirtuaLinux.Model;

/// <summary>A file after loading: its value, or what is wrong with it; and the line of every key, for checks that come later.</summary>
public sealed class Loaded<T> where T : class
{
    private readonly IReadOnlyDictionary<string, int> lines;

    internal Loaded(string file, T? value, IReadOnlyList<Diagnostic> errors, IReadOnlyDictionary<string, int> lines)
    {
        File = file;
        Value = value;
        Errors = [.. errors.OrderBy(e => e.Line)];
        this.lines = lines;
    }

    /// <summary>The file as the user named it.</summary>
    public string File { get; }

    /// <summary>What the file says; null exactly when <see cref="Errors"/> has entries.</summary>
    public T? Value { get; }

    /// <summary>Everything that is wrong, in the order of lines.</summary>
    public IReadOnlyList<Diagnostic> Errors { get; }

    /// <summary>Whether the file itself has a value at the path; false for defaults.</summary>
    /// <param name="jsonPath">A path such as <c>nodes[1].mac</c> or <c>$.nodes[1].mac</c>.</param>
    public bool Has(string jsonPath) => lines.ContainsKey(JsonPath.Normalize(jsonPath));

    /// <summary>Line of the value at the path; of the nearest part around it when the file leaves the value out; 1 when nothing is around it.</summary>
    /// <inheritdoc cref="Has" path="/param"/>
    public int LineOf(string jsonPath)
    {
        var path = JsonPath.Normalize(jsonPath);
        while (true)
        {
            if (lines.TryGetValue(path, out var line)) return line;
            if (path == JsonPath.Root) return 1;
            path = JsonPath.Parent(path);
        }
    }

    /// <summary>A fault at the path, for checks of meaning that come after loading.</summary>
    /// <inheritdoc cref="Diagnostic" path="/param"/>
    public Diagnostic At(string jsonPath, string message, string advice) => new(File, LineOf(jsonPath), message, advice);

    internal Loaded<T> WithErrors(IReadOnlyList<Diagnostic> errors) => errors.Count == 0 ? this : new Loaded<T>(File, null, errors, lines);
}
