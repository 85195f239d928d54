namespace VirtuaLinux.NetBoot;

/// <summary>Brings the names that firmware asks for into one form: <c>a/b</c>.</summary>
public static class BootPath
{
    /// <summary>Longest name that is looked at, in characters.</summary>
    public const int MaximumLength = 512;

    /// <summary>Takes backslashes for slashes, drops leading, doubled and trailing ones and <c>.</c>; refuses <c>..</c>, control characters and an empty name.</summary>
    /// <remarks>shim asks for <c>//grubx64.efi</c>; Windows-minded firmware uses backslashes.</remarks>
    public static bool TryNormalize(string name, out string path)
    {
        ArgumentNullException.ThrowIfNull(name);
        path = "";
        if (name.Length > MaximumLength || name.Any(char.IsControl)) return false;
        var parts = name.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Contains("..")) return false;
        path = string.Join('/', parts.Where(p => p != "."));
        return path.Length > 0;
    }
}
