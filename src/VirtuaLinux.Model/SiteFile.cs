using VirtuaLinux.Model.Checks;

namespace VirtuaLinux.Model;

/// <summary>Loads <c>site.yaml</c>: form, then meaning.</summary>
public static class SiteFile
{
    /// <summary>Loads and checks a site file. Never throws, whatever the text is.</summary>
    /// <param name="fileName">The file's name for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="needed">Optional parts that the caller cannot do without.</param>
    /// <returns>The site, or null and everything that is wrong with it, in the order of lines.</returns>
    public static (Site? Site, IReadOnlyList<Diagnostic> Errors) Load(string fileName, string text, SiteParts needed = SiteParts.None)
    {
        var file = YamlFile.Load(fileName, text, ModelJson.Default.Site);
        if (file.Value is not { } site) return (null, file.Errors);
        var checkedFile = file.WithErrors(SiteCheck.Run(file, site, needed));
        return (checkedFile.Value, checkedFile.Errors);
    }
}
