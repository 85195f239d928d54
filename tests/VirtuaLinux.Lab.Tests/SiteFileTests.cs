using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Tests;

public sealed class SiteFileTests
{
    [Fact]
    public async Task The_site_file_of_a_lab_is_as_reviewed()
    {
        await using var fixture = await LabFixture.UpAsync(Firmware.Bios, Firmware.Bios, Firmware.Uefi);
        var files = await fixture.Lab.SiteFilesAsync(new LabSiteOptions());
        var text = files["site.yaml"].Replace(await fixture.Lab.PublicKeyAsync(), "PUBLIC-KEY", StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Expectations", "site.yaml")), text);
        Assert.Equal(fixture.Options.ChapSecret + "\n", files["chap.secret"]);
    }

    [Fact]
    public async Task The_site_of_a_lab_with_two_networks_names_both_portals_and_a_card_on_each()
    {
        await using var fixture = await LabFixture.UpTwiceAsync();
        var (site, errors) = SiteFile.Load("site.yaml", (await fixture.Lab.SiteFilesAsync(new LabSiteOptions()))["site.yaml"], SiteParts.San);
        Assert.Empty(errors);
        Assert.Equal(["192.168.77.0/24", "192.168.78.0/24"], site!.Networks.Values.Select(n => n.Subnet.ToString()));
        Assert.Equal(fixture.Options.Portals, site.San!.Portals);
        var card = ManifestNode.From(site.Nodes[0]).Interfaces["storage"];
        Assert.Equal(("52:54:00:78:00:01", "192.168.78.11"), (card.Mac.ToString(), card.Ip.ToString()));
    }

    [Fact]
    public async Task The_site_volume_holds_the_files_under_its_label()
    {
        var runner = new CommandRunner();
        var image = Path.Combine(Path.GetTempPath(), $"vl-site-{Environment.ProcessId}.img");
        await SiteVolume.CreateAsync(image, new Dictionary<string, string> { ["site.yaml"] = "name: x\n", ["chap.secret"] = "s\n" }, runner);
        Assert.Equal("name: x\n", await SiteVolume.ReadAsync(image, "site.yaml", runner));
        Assert.Null(await SiteVolume.ReadAsync(image, "report.txt", runner));
        Assert.Contains("VL-SITE", (await runner.RunAsync(ExternalCommand.Of("mlabel", "-s", "-i", image, "::"))).Output, StringComparison.Ordinal);
        File.Delete(image);
    }
}
