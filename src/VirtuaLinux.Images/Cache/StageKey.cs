using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VirtuaLinux.Images.Cache;

/// <summary>The name of a stage's result: a hash of everything that goes into it. Same inputs, same key; whatever the clock or the checkout's path.</summary>
public sealed class StageKey
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Starts a key.</summary>
    /// <param name="recipe">Name and version of the stage's recipe, changed whenever its code makes something else of the same inputs.</param>
    public StageKey(string recipe) => Add("recipe", recipe);

    /// <summary>Adds a named text. Name and length are hashed too, so that neighbours cannot run into each other.</summary>
    public StageKey Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Append(name, Encoding.UTF8.GetBytes(value));
        return this;
    }

    /// <summary>Adds a named number.</summary>
    public StageKey Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a named list; its order counts.</summary>
    public StageKey Add(string name, IEnumerable<string> values) => Add(name, string.Join('\n', values));

    /// <summary>Adds a file's content and whether it may be executed; its date does not count.</summary>
    public StageKey AddFile(string name, string path)
    {
        using var stream = File.OpenRead(path);
        Add($"{name} mode", IsExecutable(path) ? "x" : "-");
        Append(name, SHA256.HashData(stream));
        return this;
    }

    /// <summary>Adds everything below a folder, sorted by path; a folder that does not exist equals an empty one.</summary>
    public StageKey AddDirectory(string name, string directory)
    {
        if (!Directory.Exists(directory)) return Add(name, "");
        foreach (var entry in Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var label = $"{name}/{Path.GetRelativePath(directory, entry)}";
            var info = new FileInfo(entry);
            if (info.LinkTarget is { } target) Add($"{label} link", target);
            else if (info.Attributes.HasFlag(FileAttributes.Directory)) Add($"{label} folder", "");
            else AddFile(label, entry);
        }
        return this;
    }

    /// <summary>The key: 32 lower-case hexadecimal digits. Ends the calculation.</summary>
    public string ToKey()
    {
        var key = Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
        hash.Dispose();
        return key;
    }

    internal static bool IsExecutable(string path) => (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;

    private void Append(string name, byte[] value)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}\0{value.Length}\0")));
        hash.AppendData(value);
    }
}
