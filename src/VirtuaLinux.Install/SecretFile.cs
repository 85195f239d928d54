using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>The file beside a site file that holds the CHAP secret of an array in its first line.</summary>
public static class SecretFile
{
    /// <summary>Where it is; null for an array that asks for no secret.</summary>
    public static string? PathOf(SiteSan san, string folder)
    {
        ArgumentNullException.ThrowIfNull(san);
        return san.Chap is { } chap ? Path.Combine(folder, chap.SecretFile) : null;
    }

    /// <summary>Reads it; null where it is not there, or the array asks for none.</summary>
    /// <exception cref="FailureException">It is empty, or cannot be read.</exception>
    public static string? Read(SiteSan san, string folder)
    {
        if (PathOf(san, folder) is not { } path || !File.Exists(path)) return null;
        try
        {
            return File.ReadLines(path).FirstOrDefault()?.Trim() is { Length: > 0 } secret ? secret : throw new FailureException($"{path} is empty; write the CHAP secret into its first line");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
