using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

public sealed class ProductDefinitionTests
{
    [Fact]
    public void Every_image_that_the_product_ships_has_a_sound_definition()
    {
        var images = Directory.GetFiles(ProductFiles.Locate("images"), "*.yaml");

        Assert.NotEmpty(images);
        Assert.All(images, i => Assert.NotEmpty(DefinitionSet.Load(Path.GetFileNameWithoutExtension(i)).Distribution.Packages));
    }

    /// <summary>What an image gets, against <c>Expectations/Distributions</c>: a change of an overlay, or of how overlays are joined, shows there for every distribution that it reaches. UPDATE_EXPECTATIONS=1 rewrites it.</summary>
    [Theory]
    [InlineData("debian-12")]
    [InlineData("debian-13")]
    [InlineData("centos-stream-10")]
    [InlineData("ubuntu-24.04")]
    [InlineData("ubuntu-26.04")]
    public void The_facts_of_a_distribution_are_as_expected(string name)
    {
        var set = DefinitionSet.Load(name);
        var facts = set.Distribution;
        string[] lines =
        [
            $"overlays {string.Join(' ', set.Overlays.Select(Path.GetFileName))}",
            $"packageManager {facts.PackageManager}",
            $"suite {facts.Suite}".TrimEnd(),
            $"components {string.Join(' ', facts.Components)}".TrimEnd(),
            $"pockets {string.Join(' ', facts.Pockets)}".TrimEnd(),
            $"archive {facts.Archive}".TrimEnd(),
            $"keys {string.Join(' ', facts.Keys.Select(k => k.Replace($"{ProductFiles.Locate("overlays")}/", "", StringComparison.Ordinal)))}".TrimEnd(),
            .. facts.Repositories.Select(r => $"repository {r.Name} {r.BaseUrl}{(r.SignedMetadata ? "" : " without signed metadata")}"),
            .. Sorted("package", facts.Packages),
            .. Sorted("boot package", facts.BootPackages),
            .. Sorted("enable", facts.Enable),
            .. Sorted("disable", facts.Disable),
            .. Sorted("mask", facts.Mask),
            .. facts.BootFiles.Select(f => $"boot file {f.Key} {f.Value}"),
            .. facts.ModulesExclude.Select(m => $"modules exclude {m}"),
            .. facts.PathExclude.Select(p => $"path exclude {p}"),
            .. facts.PathInclude.Select(p => $"path include {p}"),
            .. facts.Remove.Select(r => $"remove {r}"),
            .. facts.Directories.Select(d => $"directory {d}"),
        ];
        var text = string.Concat(lines.Select(l => l + "\n"));
        var file = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, $"tests/VirtuaLinux.Images.Tests/Expectations/Distributions/{name}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(file, text);
        Assert.Equal(File.ReadAllText(file), text);
    }

    [Fact]
    public void Every_key_and_every_role_is_explained_to_those_who_write_them()
    {
        var readme = File.ReadAllText(ProductFiles.Locate("overlays/README.md"));

        Assert.All(Role.All, r => Assert.Contains($"`{r.Name}`", readme, StringComparison.Ordinal));
        using var schema = JsonDocument.Parse(YamlFile.Schema(DefinitionJson.Default.Distribution));
        Assert.All(schema.RootElement.GetProperty("properties").EnumerateObject(), p => Assert.Contains($"`{p.Name}`", readme, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Sorted(string what, IEnumerable<string> names) => names.Order(StringComparer.Ordinal).Select(n => $"{what} {n}");

    /// <summary>But as the default archive of a distribution that the build machine's own sources do not have.</summary>
    [Fact]
    public void No_overlay_or_template_names_a_package_mirror()
    {
        foreach (var folder in (string[])["images", "overlays", "templates"])
            foreach (var file in Directory.GetFiles(ProductFiles.Locate(folder), "*", SearchOption.AllDirectories))
                Assert.DoesNotMatch(@"https?://[^\s{]*(debian\.org|ubuntu\.com|/debian\b|/ubuntu\b)", string.Concat(File.ReadLines(file).Where(l => !l.StartsWith("archive: ", StringComparison.Ordinal))));
    }

    /// <summary>Hundreds of nodes trim through one array.</summary>
    [Fact]
    public void Every_node_gives_free_space_back_once_a_week_at_a_time_of_its_own()
    {
        Assert.All(Directory.GetFiles(ProductFiles.Locate("images"), "*.yaml"), i => Assert.Contains("fstrim.timer", DefinitionSet.Load(Path.GetFileNameWithoutExtension(i)).Distribution.Enable));
        Assert.Contains("RandomizedDelaySec=1d\nFixedRandomDelay=yes", File.ReadAllText(ProductFiles.Locate("overlays/common/files/etc/systemd/system/fstrim.timer.d/virtualinux.conf")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_init_script_is_sound_for_the_shell_that_runs_it()
    {
        var init = ProductFiles.Locate("templates/initrd/init");

        await new CommandRunner().RunAsync(ExternalCommand.Of("busybox", "sh", "-n", init));

        Assert.True((File.GetUnixFileMode(init) & UnixFileMode.UserExecute) != 0);
    }
}
