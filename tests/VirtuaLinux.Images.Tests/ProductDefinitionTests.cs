using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;

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

    [Fact]
    public void No_overlay_or_template_names_a_package_mirror()
    {
        foreach (var folder in (string[])["images", "overlays", "templates"])
            foreach (var file in Directory.GetFiles(ProductFiles.Locate(folder), "*", SearchOption.AllDirectories))
                Assert.DoesNotMatch(@"https?://[^\s{]*(debian\.org|ubuntu\.com|/debian\b|/ubuntu\b)", File.ReadAllText(file));
    }

    /// <summary>Hundreds of nodes trim through one array.</summary>
    [Fact]
    public void Every_node_gives_free_space_back_once_a_week_at_a_time_of_its_own()
    {
        Assert.All(Directory.GetFiles(ProductFiles.Locate("images"), "*.yaml"), i => Assert.Contains("fstrim.timer", DefinitionSet.Load(Path.GetFileNameWithoutExtension(i)).Distribution.Services.Enable));
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
