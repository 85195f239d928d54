using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Cli.Tests;

/// <summary>The program as a maintainer of distributions runs it, with a copy of the product's files.</summary>
public sealed class DistroCommandTests : IDisposable
{
    private readonly string product = Directory.CreateTempSubdirectory("virtualinux-distro-").FullName;

    public DistroCommandTests()
    {
        string[] folders = [.. ((string[])["images", "overlays", "templates"]).Select(ProductFiles.Locate)];
        new CommandRunner().RunAsync(ExternalCommand.Of("cp", ["-a", .. folders, product])).GetAwaiter().GetResult();
    }

    public void Dispose() => Directory.Delete(product, recursive: true);

    [Theory]
    [InlineData("debian-13")]
    [InlineData("debian-12")]
    public async Task A_distribution_that_the_product_ships_meets_every_static_requirement(string name)
    {
        var result = await RunAsync(0, "distro", "check", name, "--static");

        Assert.Contains("passed", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", result.Output, StringComparison.Ordinal);
    }

    /// <summary>Whether the build machine has Ubuntu's keys is the machine's affair.</summary>
    [Theory]
    [InlineData("ubuntu-24.04")]
    [InlineData("ubuntu-26.04")]
    public async Task Ubuntu_meets_every_static_requirement_but_for_keys_that_a_machine_need_not_have(string name)
    {
        var result = await RunAsync(null, "distro", "check", name, "--static", "--json");

        using var report = JsonDocument.Parse(result.Output);
        var failed = report.RootElement.GetProperty("requirements").EnumerateArray().Where(r => !r.GetProperty("passed").GetBoolean()).ToList();
        Assert.Equal(report.RootElement.GetProperty("passed").GetBoolean() ? 0 : 1, result.ExitCode);
        Assert.All(failed, f => Assert.StartsWith("/usr/share/keyrings/ubuntu-archive-keyring.gpg is not there; apt-get install", f.GetProperty("evidence").GetString(), StringComparison.Ordinal));
    }

    /// <summary>Whoever builds gets its keys from the projects themselves.</summary>
    [Fact]
    public async Task CentOS_Stream_meets_every_static_requirement_but_for_the_keys_that_a_maintainer_adds()
    {
        var result = await RunAsync(1, "distro", "check", "centos-stream-10", "--static", "--json");

        using var report = JsonDocument.Parse(result.Output);
        var failed = Assert.Single(report.RootElement.GetProperty("requirements").EnumerateArray(), r => !r.GetProperty("passed").GetBoolean());
        var keys = Path.Combine(product, "overlays/centos-stream-10/keys");
        Assert.Equal(
            ((string[])["RPM-GPG-KEY-CentOS-Official-SHA256", "RPM-GPG-KEY-EPEL-10"]).Select(k => $"{keys}/{k} is not there; put the archive's key there, or install the package that brings it"),
            failed.GetProperty("evidence").GetString()!.Split('\n'));
    }

    [Fact]
    public async Task A_template_that_a_node_could_not_render_fails_the_check_by_file_and_line()
    {
        var template = Path.Combine(product, "overlays/debian-13/node/etc/motd.sbn");
        await File.WriteAllTextAsync(template, "Welcome\n{{ node.nmae }}\n");

        var result = await RunAsync(1, "distro", "check", "debian-12", "--static", "--json");

        Assert.Contains($"{template}:2: ", result.Output, StringComparison.Ordinal);
        Assert.Equal("virtualinux: FAILED: debian-12 does not meet 1 of 10 requirements\n", result.Error);
    }

    [Fact]
    public async Task A_check_without_static_says_what_it_does_not_do()
    {
        var result = await RunAsync(2, "distro", "check", "debian-13");

        Assert.StartsWith("virtualinux: 'distro check' does not build or boot a distribution yet", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task A_new_distribution_is_listed_valid_and_meets_every_static_requirement()
    {
        var made = await RunAsync(0, "distro", "new", "mine", "--like", "debian-12");

        string[] files = [Path.Combine(product, "overlays/mine/distribution.yaml"), Path.Combine(product, "images/mine.yaml")];
        Assert.Equal(files, made.Output.TrimEnd().Split('\n'));
        await RunAsync(0, ["check", .. files]);
        await RunAsync(0, "distro", "check", "mine", "--static");
        using var list = JsonDocument.Parse((await RunAsync(0, "distro", "list", "--json")).Output);
        var mine = list.RootElement.EnumerateArray().Single(d => d.GetProperty("name").GetString() == "mine");
        Assert.Equal(("debian-12", "debian", "mmdebstrap", "12"), (mine.GetProperty("extends").GetString(), mine.GetProperty("family").GetString(), mine.GetProperty("packageManager").GetString(), mine.GetProperty("release").GetString()));
        Assert.Contains("debian-12", (await RunAsync(0, "distro", "list")).Output, StringComparison.Ordinal);

        Assert.Contains("is there already, and is left as it is", (await RunAsync(1, "distro", "new", "mine", "--like", "debian-12")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_distribution_that_does_not_load_is_named_and_the_others_are_listed()
    {
        Directory.CreateDirectory(Path.Combine(product, "overlays/broken"));
        await File.WriteAllTextAsync(Path.Combine(product, "overlays/broken/distribution.yaml"), "version: 1\nextends: debian-31\n");

        var result = await RunAsync(2, "distro", "list");

        Assert.Contains("overlays/broken/distribution.yaml:2: there is no distribution 'debian-31'", result.Error, StringComparison.Ordinal);
        Assert.Contains("Debian 13 \"trixie\"", result.Output, StringComparison.Ordinal);
    }

    private async Task<CommandResult> RunAsync(int? expected, params string[] arguments)
    {
        // What starts it by itself is gone when it was compiled ahead of time.
        var program = ProductFiles.Locate("src/VirtuaLinux.Cli/bin/Release/net10.0/linux-x64/virtualinux.dll");
        var result = await new CommandRunner().RunAsync(ExternalCommand.Of("dotnet", [program, .. arguments]).WithEnvironment("VIRTUALINUX_SHARE", product).Accepting());
        if (expected is { } code) Assert.True(result.ExitCode == code, $"exit code {result.ExitCode}: {result.Output}{result.Error}");
        return result;
    }
}
