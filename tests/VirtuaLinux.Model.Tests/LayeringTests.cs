using System.Xml.Linq;

namespace VirtuaLinux.Model.Tests;

/// <summary>Holds the projects to the layers of the architecture (src/README.md).</summary>
public class LayeringTests
{
    /// <summary>Lowest first; projects of one layer do not know each other.</summary>
    private static readonly string[][] Layers = [["Model"], ["Host"], ["NetBoot", "Storage", "Images"], ["Node"], ["Install", "Cluster"], ["VirtualClusters"], ["Cli"]];

    /// <summary>The lab drives the product only as users do; of the program only the command line knows it.</summary>
    private static readonly string[] KnownToLab = ["Model", "Host"];

    private static readonly Dictionary<string, string[]> Projects = Directory.EnumerateFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories)
        .ToDictionary(NameOf, f => XDocument.Load(f).Descendants("ProjectReference").Select(r => NameOf(r.Attribute("Include")!.Value.Replace('\\', '/'))).ToArray());

    [Fact]
    public void A_project_knows_only_lower_layers()
    {
        Assert.NotEmpty(Projects);
        var wrong = from project in Projects
                    from reference in project.Value
                    where !MayKnow(project.Key, reference)
                    select $"{project.Key} must not reference {reference}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_project_has_its_place_in_a_layer() => Assert.All(Projects.Keys, p => Assert.True(p == "Lab" || LayerOf(p) >= 0, $"{p} is in no layer"));

    [Fact]
    public void References_are_not_handed_on()
    {
        var files = Directory.EnumerateFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories).Append(Repository.PathOf("Directory.Build.props")).Select(f => XDocument.Load(f)).ToList();
        var settings = files.SelectMany(f => f.Descendants("DisableTransitiveProjectReferences")).Select(e => e.Value).ToList();
        Assert.NotEmpty(settings);
        Assert.All(settings, s => Assert.Equal("true", s));
        Assert.NotEmpty(files[^1].Descendants("DisableTransitiveProjectReferences"));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Repository.PathOf("VirtuaLinux.sln")).Replace('\\', '/');
        foreach (var folder in (string[])["src", "tests"])
            Assert.All(Directory.EnumerateFiles(Repository.PathOf(folder), "*.csproj", SearchOption.AllDirectories), f => Assert.Contains(Path.GetRelativePath(Repository.Root, f), solution, StringComparison.Ordinal));
    }

    private static bool MayKnow(string project, string reference) => (project, reference) switch
    {
        ("Lab", _) => KnownToLab.Contains(reference),
        (_, "Lab") => project == "Cli",
        _ => LayerOf(reference) >= 0 && LayerOf(reference) < LayerOf(project),
    };

    private static int LayerOf(string project) => Array.FindIndex(Layers, l => l.Contains(project));

    private static string NameOf(string file) => Path.GetFileNameWithoutExtension(file).Replace("VirtuaLinux.", "", StringComparison.Ordinal);
}
