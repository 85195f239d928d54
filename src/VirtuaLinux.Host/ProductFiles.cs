namespace VirtuaLinux.Host;

/// <summary>Finds the product's own plain files: <c>templates</c>, <c>overlays</c>, <c>images</c>.</summary>
public static class ProductFiles
{
    /// <summary>Where an installed product keeps them.</summary>
    public const string InstalledDirectory = "/usr/share/virtualinux";

    /// <summary>The folder or file at <paramref name="relative"/> below the product's files.</summary>
    /// <remarks>Looked for, in this order: below <c>$VIRTUALINUX_SHARE</c>, in the checkout around the program or the working directory, in <see cref="InstalledDirectory"/>.</remarks>
    /// <exception cref="FailureException">Nowhere to be found.</exception>
    public static string Locate(string relative)
    {
        foreach (var root in Roots())
        {
            var path = Path.Combine(root, relative);
            if (Path.Exists(path)) return path;
        }
        throw new FailureException($"'{relative}' is neither in $VIRTUALINUX_SHARE, nor in a checkout around {AppContext.BaseDirectory} or the working directory, nor in {InstalledDirectory}; set VIRTUALINUX_SHARE to the folder that holds it");
    }

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("VIRTUALINUX_SHARE") is { Length: > 0 } share) yield return share;
        foreach (var start in (string[])[AppContext.BaseDirectory, Environment.CurrentDirectory])
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "VirtuaLinux.sln"))) yield return folder.FullName;
        yield return InstalledDirectory;
    }
}
