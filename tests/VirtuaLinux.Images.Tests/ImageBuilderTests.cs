using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

public sealed class ImageBuilderTests : IDisposable
{
    private readonly FakeProduct product = new();

    [Fact]
    public async Task A_second_build_takes_everything_from_the_cache_and_gives_the_same_image()
    {
        var first = await product.BuildAsync();
        product.Tools.Calls.Clear();

        var second = await product.BuildAsync();

        Assert.Empty(product.Tools.Calls);
        Assert.All(second.Stages, s => Assert.True(s.Cached, s.Name));
        Assert.Equal(first.Info.Image, second.Info.Image);
        Assert.StartsWith("test@2026.03.04-", second.Info.Image.ToString(), StringComparison.Ordinal);
        Assert.Equal(["SHA256SUMS", "test.cdx.json", "test.iso", "test.json", "test.lock", "test.provenance.json", "test.spdx.json"], Directory.GetFiles(product.Output, "*").Select(f => Path.GetFileName(f)).Where(f => !f.StartsWith('.')).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("templates/iso/efi.cfg", "iso digest trust")]
    [InlineData("templates/netboot/boot.ipxe.sbn", "tree root initrd boot iso digest trust")]
    [InlineData("overlays/common/files/etc/issue", "tree root iso digest trust")]
    [InlineData("overlays/common/node/etc/hostname.sbn", "tree root iso digest trust")]
    [InlineData("overlays/debian/build/etc/image.sbn", "tree root iso digest trust")]
    [InlineData("virtualinux", "tree root initrd boot iso digest trust")]
    [InlineData("templates/initrd/init", "initrd boot iso digest trust")]
    [InlineData("templates/initrd/programs", "tools initrd boot iso digest trust")]
    public async Task A_changed_file_rebuilds_only_what_depends_on_it(string changed, string rebuilt)
    {
        await product.BuildAsync();
        product.Write(changed, "# iscsid is all that is needed\n" + (changed.EndsWith("programs", StringComparison.Ordinal) ? "busybox\n" : ""));

        var result = await product.BuildAsync();

        Assert.Equal(rebuilt, string.Join(' ', result.Stages.Where(s => !s.Cached).Select(s => s.Name).Order(StageOrder)));
    }

    [Fact]
    public async Task What_packages_may_not_bring_into_the_root_is_not_taken_from_an_older_build()
    {
        await product.BuildAsync();
        product.Write("overlays/common/distribution.yaml", "version: 1\nremove: [ etc/hostname ]\ndirectories: [ local ]\npathExclude: [ '/usr/share/man/*' ]\n");

        var result = await product.BuildAsync();

        Assert.Equal("packages inventory modules tools tree root initrd boot iso digest trust", string.Join(' ', result.Stages.Where(s => !s.Cached).Select(s => s.Name).Order(StageOrder)));
    }

    [Fact]
    public async Task A_distribution_with_an_archive_and_keys_of_its_own_is_installed_from_it()
    {
        string[] call = [];
        string[] keys = [];
        product.Tools.Before = (name, command) =>
        {
            if (name != "mmdebstrap") return;
            call = [.. command.Arguments];
            keys = Directory.GetFiles(call.Single(a => a.StartsWith("--keyring=", StringComparison.Ordinal))["--keyring=".Length..]).Select(File.ReadAllText).Order(StringComparer.Ordinal).ToArray();
        };
        product.Write("overlays/debian/keys/one.gpg", "first");
        var second = product.Write("elsewhere/one.gpg", "second");
        File.AppendAllText(product.At("overlays/debian/distribution.yaml"), $"\narchive: http://archive.example.org/ubuntu\npockets: [updates]\nkeys: [keys/one.gpg, {second}]\n");

        var result = await product.BuildAsync();

        Assert.Equal(["trixie", "http://archive.example.org/ubuntu", "deb http://archive.example.org/ubuntu trixie-updates main"], call.SkipWhile(a => a != "trixie").Where((_, i) => i != 1));
        Assert.Equal(["first", "second"], keys);
        Assert.DoesNotContain(FakeProduct.Files(result.Stages[0].Path), f => f.Contains("one.gpg", StringComparison.Ordinal));

        await product.BuildAsync(o => o with { Mirror = "http://mirror.example.org" });
        Assert.Equal(["http://mirror.example.org", "deb http://mirror.example.org trixie-updates main"], call.TakeLast(2));

        product.Write("overlays/debian/keys/one.gpg", "another");
        Assert.False((await product.BuildAsync()).Stages[0].Cached);
    }

    [Theory]
    [InlineData("keys/one.gpg", "overlays/debian/keys/one.gpg: this key file of the package archive is not there; put the archive's key there, or install the package that brings it")]
    [InlineData("/nowhere/ubuntu-archive-keyring.gpg", "/nowhere/ubuntu-archive-keyring.gpg: this key file of the package archive is not there; apt-get install ubuntu-archive-keyring (from Debian 13 on; on Ubuntu it is ubuntu-keyring), or put the archive's key there")]
    public async Task A_missing_key_file_is_named_before_anything_is_fetched(string key, string message)
    {
        File.AppendAllText(product.At("overlays/debian/distribution.yaml"), $"\nkeys: [{key}]\n");

        var failure = await Assert.ThrowsAsync<FailureException>(() => product.BuildAsync());

        Assert.EndsWith(message, failure.Message, StringComparison.Ordinal);
        Assert.Empty(product.Tools.Calls);
    }

    [Fact]
    public async Task A_kernel_package_may_still_have_its_modules_in_lib()
    {
        product.Tools.Modules = "lib/modules";

        var result = await product.BuildAsync();

        Assert.Contains(FakeProduct.Files(result.Stages.Single(s => s.Name == "modules").Path), f => f.EndsWith("e1000.ko", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Refreshing_fetches_packages_anew_and_rebuilds_nothing_when_they_are_the_same()
    {
        await product.BuildAsync();

        var result = await product.BuildAsync(o => o with { Refresh = true });

        Assert.Equal(["packages"], result.Stages.Where(s => !s.Cached).Select(s => s.Name));
    }

    [Fact]
    public async Task The_tree_is_the_packages_with_the_overlays_the_program_and_the_templates_in_it()
    {
        var result = await product.BuildAsync();

        var tree = result.Stages.Single(s => s.Name == "tree").Path;
        Assert.Equal("VirtuaLinux\n", await File.ReadAllTextAsync(Path.Combine(tree, "etc/issue")));
        Assert.Equal("test 6.12.0-test\n", await File.ReadAllTextAsync(Path.Combine(tree, "etc/image")));
        Assert.False(File.Exists(Path.Combine(tree, "etc/hostname")));
        Assert.True(Directory.Exists(Path.Combine(tree, "local")));
        Assert.Equal("program", await File.ReadAllTextAsync(Path.Combine(tree, "usr/bin/virtualinux")));
        Assert.True(File.Exists(Path.Combine(tree, "usr/share/virtualinux/templates/netboot/boot.ipxe.sbn")));
        Assert.True(File.Exists(Path.Combine(tree, "usr/share/virtualinux/node/etc/hostname.sbn")));
        Assert.DoesNotContain(FakeProduct.Files(result.Stages.Single(s => s.Name == "modules").Path), f => f.Contains("sound", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_vendors_keys_are_in_root_initrd_and_medium_with_room_for_its_signature()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        product.Write("images/vendor.pem", key.ExportSubjectPublicKeyInfoPem());
        var medium = "";
        product.Tools.Before = (name, command) => medium += name == "xorriso" ? command.ToString() : "";
        await product.BuildAsync();
        Assert.DoesNotContain("vendor-keys", medium, StringComparison.Ordinal);
        product.Write("images/test.yaml", "version: 1\ndistribution: debian\nrootSize: 8MiB\nsigning: { keys: [ vendor.pem, vendor.pem ] }\n");

        var result = await product.BuildAsync();

        var text = await File.ReadAllTextAsync(Path.Combine(result.Stages.Single(s => s.Name == "tree").Path, VendorKey.File));
        Assert.Equal(VendorKey.Of(key).ToPem(), text);
        Assert.Contains(text, await File.ReadAllTextAsync(Path.Combine(result.Stages.Single(s => s.Name == "initrd").Path, "initrd.img")), StringComparison.Ordinal);
        Assert.Contains("/virtualinux/vendor-keys.pem=", medium, StringComparison.Ordinal);
        Assert.Contains("/virtualinux/image.sig=", medium, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mmdebstrap")]
    [InlineData("depmod")]
    [InlineData("mke2fs")]
    [InlineData("veritysetup")]
    [InlineData("mksquashfs")]
    [InlineData("xorriso")]
    public async Task A_tool_that_fails_leaves_nothing_behind_that_the_next_build_trips_over(string tool)
    {
        product.Tools.Before = (name, command) =>
        {
            if (name == tool) throw new ExternalCommandException(command, 1, "it broke");
        };
        var failure = await Assert.ThrowsAnyAsync<FailureException>(() => product.BuildAsync());
        Assert.Contains("it broke", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(FakeProduct.Files(product.Cache), f => f.Contains(".partial", StringComparison.Ordinal));
        Assert.Empty(FakeProduct.Files(product.Output));

        product.Tools.Before = null;
        var result = await product.BuildAsync();

        Assert.True(File.Exists(result.IsoPath));
    }

    [Fact]
    public async Task A_full_disk_is_one_clear_message_and_leaves_nothing()
    {
        var runner = new CommandRunner();
        Directory.CreateDirectory(product.Cache);
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", product.Cache));
        try
        {
            var failure = await Assert.ThrowsAnyAsync<FailureException>(() => product.BuildAsync());

            Assert.StartsWith("stage 'tools': no space left on the disk of", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(FakeProduct.Files(product.Cache), f => f.Contains(".partial", StringComparison.Ordinal));
        }
        finally
        {
            await runner.RunAsync(ExternalCommand.Of("umount", product.Cache));
        }
    }

    [Fact]
    public async Task An_unreachable_package_archive_is_said_to_be_that()
    {
        product.Tools.Before = (name, command) =>
        {
            if (name != "mmdebstrap") return;
            string[] lines = ["I: running apt-get update...", "E: Failed to fetch http://mirror.invalid/debian/dists/trixie/InRelease  Could not resolve 'mirror.invalid'", "E: mmdebstrap failed to run"];
            foreach (var line in lines) command.OnLine!(line);
            throw new ExternalCommandException(command, 25, string.Join('\n', lines));
        };

        var failure = await Assert.ThrowsAnyAsync<FailureException>(() => product.BuildAsync(o => o with { Mirror = "http://mirror.invalid/debian" }));

        Assert.StartsWith("the packages could not be installed: Failed to fetch http://mirror.invalid/debian/dists/trixie/InRelease  Could not resolve 'mirror.invalid'; check the network", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_stage_tells_when_it_starts_and_how_large_its_result_is()
    {
        var result = await product.BuildAsync();

        foreach (var stage in result.Stages)
        {
            Assert.Contains(product.Events, e => e.Stage == stage.Name && e.Kind == BuildEventKind.Started);
            Assert.Contains(product.Events, e => e.Stage == stage.Name && e.Kind == BuildEventKind.Built && e.Size == stage.Size && e.Size > 0);
        }
        Assert.Equal(["packages", "inventory", "modules", "tools", "tree", "root", "initrd", "boot", "iso", "digest", "trust"], result.Stages.Select(s => s.Name));
    }

    [Fact]
    public async Task A_missing_program_and_an_unknown_image_are_named()
    {
        product.Program = "/nowhere/virtualinux";
        Assert.Contains("/nowhere/virtualinux", (await Assert.ThrowsAsync<FailureException>(() => product.BuildAsync())).Message, StringComparison.Ordinal);
        Assert.EndsWith("there are: test", (await Assert.ThrowsAsync<FailureException>(() => product.BuildAsync(o => o with { ImageName = "../test" }))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version: 1\ndistribution: debian\nrootSise: 2GiB\n", "test.yaml:3: unknown key 'rootSise'; did you mean 'rootSize'?")]
    [InlineData("version: 1\ndistribution: debian\nrootSize: 1000000\n", "test.yaml:3: rootSize 1000000B is not a multiple of 1MiB; write it as 2GiB")]
    [InlineData("version: 2\ndistribution: debian\n", "test.yaml:1: version 2 of this file is not known; write version: 1")]
    [InlineData("version: 1\ndistribution: debian\nverity: maybe\n", "test.yaml:3: ")]
    [InlineData("version: 1\n", "test.yaml:1: 'distribution' is missing")]
    public async Task A_faulty_image_definition_is_reported_by_line(string text, string message)
    {
        product.Write("images/test.yaml", text);

        var failure = await Assert.ThrowsAsync<InvalidInputException>(() => product.BuildAsync());

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => product.Dispose();

    private static readonly Comparer<string> StageOrder = Comparer<string>.Create((a, b) =>
        Array.IndexOf(Order, a).CompareTo(Array.IndexOf(Order, b)));

    private static string[] Order => ["packages", "inventory", "modules", "tools", "tree", "root", "initrd", "boot", "iso", "digest", "trust"];
}
