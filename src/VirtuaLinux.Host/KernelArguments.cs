namespace VirtuaLinux.Host;

/// <summary>The kernel's command line as words and <c>key=value</c> pairs (kernel-command-line(7)).</summary>
public sealed class KernelArguments(string text)
{
    private readonly string[] _words = text.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The running kernel's.</summary>
    public static KernelArguments OfThisMachine() => new(File.ReadAllText("/proc/cmdline"));

    /// <summary>All words, in their order.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Whether the word stands alone on the line.</summary>
    public bool Has(string word) => _words.Contains(word);

    /// <summary>The value of the last <c>key=value</c>, or null.</summary>
    public string? this[string key] => _words.LastOrDefault(w => w.StartsWith(key + "=", StringComparison.Ordinal))?[(key.Length + 1)..];
}
