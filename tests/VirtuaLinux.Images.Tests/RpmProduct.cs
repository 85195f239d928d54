using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Stages;

namespace VirtuaLinux.Images.Tests;

/// <summary>A product with one distribution of the CentOS family, whose packages the real dnf installs.</summary>
public sealed class RpmProduct : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private int builds;

    public RpmProduct()
    {
        Write("images/test.yaml", "version: 1\ndistribution: centos\n");
        Write("overlays/common/distribution.yaml", "version: 1\n");
        Directory.CreateDirectory(folder.At("templates"));
        foreach (var file in Directory.GetFiles(ProductFiles.Locate("templates/packages"))) Write($"templates/packages/{Path.GetFileName(file)}", File.ReadAllText(file));
    }

    public List<BuildEvent> Events { get; } = [];

    public string Write(string path, string text) => folder.Write(path, text);

    /// <summary>Writes the facts of the distribution.</summary>
    public void Describe(string url, string key, string facts) => Write("overlays/centos/distribution.yaml", $$"""
        version: 1
        packageManager: dnf
        release: "10"
        repositories: [ { name: baseos, baseUrl: "{{url}}" } ]
        keys: [ "{{key}}" ]
        {{facts}}

        """);

    /// <summary>Installs the packages into a new cache.</summary>
    internal async Task<(PackageSet Packages, PackageInventory Inventory)> InstallAsync(string? mirror = null, CancellationToken cancellation = default)
    {
        var options = new ImageBuildOptions { ImageName = "test", ProductDirectory = folder.Path, OutputDirectory = folder.At("out"), CacheDirectory = folder.At($"cache{builds++}"), ProgramPath = "", Mirror = mirror, OnEvent = Events.Add };
        using var cache = new StageCache(options.CacheDirectory);
        var context = new BuildContext(options, DefinitionSet.Load("test", folder.Path), cache, new CommandRunner(), cancellation);
        var packages = await PackagesStage.RunAsync(context);
        return (packages, await InventoryStage.RunAsync(context, packages));
    }

    /// <summary>Everything below the product's folder that is left of a build.</summary>
    public IEnumerable<string> Left() => FakeProduct.Files(folder.Path).Where(f => f.Contains(".partial", StringComparison.Ordinal));

    public string FolderPath => folder.Path;

    public void Dispose() => folder.Dispose();
}
