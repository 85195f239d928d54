using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Cli;

/// <summary>Reads a site file for a command and tells its errors.</summary>
internal static class SiteInput
{
    /// <summary>The site, or null after its errors were written to standard error.</summary>
    public static Site? Load(string path, SiteParts needed)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: {e.Message}", e);
        }
        var (site, errors) = SiteFile.Load(path, text, needed);
        foreach (var error in errors) Console.Error.WriteLine(error);
        return site;
    }
}
