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

    [Fact]
    public async Task The_init_script_is_sound_for_the_shell_that_runs_it()
    {
        var init = ProductFiles.Locate("templates/initrd/init");

        await new CommandRunner().RunAsync(ExternalCommand.Of("busybox", "sh", "-n", init));

        Assert.True((File.GetUnixFileMode(init) & UnixFileMode.UserExecute) != 0);
    }
}
