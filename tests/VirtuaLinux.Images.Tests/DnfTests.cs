using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

/// <summary>The real dnf against signed repositories of this machine.</summary>
[Trait("Category", "Peers")]
public sealed class DnfTests(SoundRepository sound) : IClassFixture<SoundRepository>, IDisposable
{
    private const string Facts = """
        roles: { base: { packages: [tool] }, kernel: { packages: [kernel-core] } }
        pathExclude: [/usr/share/man/*, /usr/share/doc]
        """;

    private readonly RpmProduct product = new();
    private readonly CommandRunner runner = new();

    public void Dispose() => product.Dispose();

    [Fact]
    public async Task Packages_are_installed_with_what_they_need_and_nothing_that_they_only_recommend()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (packages, _) = await product.InstallAsync();

        Assert.Equal("t\n", Read(packages.Root, "usr/bin/tool"));
        Assert.Equal("a\n", Read(packages.Root, "usr/lib/library"));
        Assert.False(File.Exists(Path.Combine(packages.Root, "usr/bin/extra")));
        Assert.Equal("boot kernel-core 6.12.0-1.el10\nboot kernel-modules 6.12.0-1.el10\nbusybox 1:1.0-1.el10\nfilesystem 1.0-1.el10\nlibrary 2.5-1.el10\ntool 1.0-1.el10\n", Read(packages.Folder, "packages"));
        Assert.Equal(RpmRepository.Built, packages.Epoch);
    }

    [Fact]
    public async Task Scripts_of_packages_see_a_system_and_leave_nothing_mounted()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (packages, _) = await product.InstallAsync();

        Assert.Equal("2026\n", Read(packages.Root, "etc/from-script"));
        foreach (var folder in (string[])["dev", "proc", "sys"]) Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(packages.Root, folder)));
        Assert.DoesNotContain(product.FolderPath, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Boot_packages_are_unpacked_below_usr_and_never_installed()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (packages, _) = await product.InstallAsync();

        Assert.Equal("kernel", Read(packages.Boot, "usr/lib/modules/6.12.0-1.el10.x86_64/vmlinuz"));
        Assert.Equal("kernel", Read(packages.Boot, "boot/vmlinuz-6.12.0-1.el10.x86_64"));
        Assert.Equal("module", Read(packages.Boot, "usr/lib/modules/6.12.0-1.el10.x86_64/kernel/e1000.ko"));
        Assert.False(Directory.Exists(Path.Combine(packages.Root, "usr/lib/modules")));
        // What the root has already is not unpacked again.
        Assert.False(File.Exists(Path.Combine(packages.Boot, "usr/lib/library")));
        Assert.DoesNotContain("kernel", await QueryAsync(packages.Root, "usr/lib/sysimage/rpm", "--all"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Excluded_paths_are_left_out_and_rpm_knows_of_it()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (packages, _) = await product.InstallAsync();

        Assert.False(Path.Exists(Path.Combine(packages.Root, "usr/share/man")));
        Assert.False(Path.Exists(Path.Combine(packages.Root, "usr/share/doc")));
        Assert.Equal("c\n", Read(packages.Root, "etc/tool.conf"));
        var states = await QueryAsync(packages.Root, "usr/lib/sysimage/rpm", "--state", "tool");
        Assert.Contains("net shared    /usr/share/man/man1/tool.1", states, StringComparison.Ordinal);
        Assert.Contains("normal        /etc/tool.conf", states, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("%_dbpath %{_var}/lib/rpm", "var/lib/rpm")]
    [InlineData("%_dbpath %{_usr}/lib/sysimage/rpm", "usr/lib/sysimage/rpm")]
    public async Task The_database_is_where_the_distributions_own_rpm_looks_for_it(string macro, string expected)
    {
        using var repository = new RpmRepository();
        var key = await repository.AddKeyAsync("vendor");
        await repository.AddAsync("rpm", new Dictionary<string, string> { ["/usr/lib/rpm/macros"] = $"%_usr /usr\n%_var /var\n{macro}\n" });
        await repository.PublishAsync();
        product.Describe(repository.Url, key, Roles("rpm"));

        var (packages, _) = await product.InstallAsync();

        Assert.Equal("gpg-pubkey rpm", string.Join(' ', (await QueryAsync(packages.Root, expected, "--all", "--queryformat", "%{NAME}\\n")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order()));
        Assert.Equal([expected], ((string[])["root/.rpmdb", "var/lib/rpm", "usr/lib/sysimage/rpm"]).Where(d => Path.Exists(Path.Combine(packages.Root, d))));
    }

    [Fact]
    public async Task A_second_installation_gives_the_same_bytes()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (first, firstInventory) = await product.InstallAsync();
        var (second, secondInventory) = await product.InstallAsync();

        Assert.NotEqual(first.Folder, second.Folder);
        Assert.Equal(await ContentAsync(first.Folder), await ContentAsync(second.Folder));
        Assert.Equal(firstInventory.Packages, secondInventory.Packages);
        // Nothing of the installation itself is left.
        Assert.Equal(["available", "boot", "epoch", "packages", "root"], Directory.EnumerateFileSystemEntries(first.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var trace in (string[])["var/lib/dnf", "var/cache/dnf", "var/log/dnf.log", "var/log/hawkey.log"]) Assert.False(Path.Exists(Path.Combine(first.Root, trace)), trace);
    }

    [Fact]
    public async Task The_inventory_tells_of_each_package_what_its_file_says()
    {
        product.Describe(sound.Repository.Url, sound.Key, Facts);

        var (_, inventory) = await product.InstallAsync();

        Assert.Equal(("rpm", "centos", "10", "baseos"), (inventory.Format, inventory.Vendor, inventory.Suite, string.Join(' ', inventory.Components)));
        Assert.Equal(["busybox", "filesystem", "kernel-core", "kernel-modules", "library", "tool"], inventory.Packages.Select(p => p.Name));
        var busybox = inventory.Packages[0];
        var file = Path.Combine(sound.Repository.Path, "busybox.rpm");
        Assert.Equal(("1:1.0-1.el10", "x86_64", "busybox", "1.0-1.el10", "https://busybox.net/"), (busybox.Version, busybox.Architecture, busybox.Source, busybox.SourceVersion, busybox.Homepage));
        Assert.Equal((DigestList.DigestOf(file), new FileInfo(file).Length), (busybox.Sha256, busybox.Size));
        Assert.Equal("pkg:rpm/centos/busybox@1.0-1.el10?arch=x86_64&epoch=1&distro=centos-10", busybox.Purl(inventory));
        Assert.Equal("GPL-2.0-or-later AND (MIT OR BSD-3-Clause)", inventory.Packages[5].License);
        Assert.Matches("^LicenseRef-BSD-[0-9a-f]{8} AND LicenseRef-LGPLv2-[0-9a-f]{8}$", inventory.Packages[4].License);
        Assert.Contains("LicenseRef-Fedora-Public-Domain", inventory.LicenseTexts.Keys);
        Assert.All(inventory.Packages, p => Assert.Equal(p.Name.StartsWith("kernel", StringComparison.Ordinal), p.Boot));
        Assert.All(inventory.Packages, p => Assert.NotNull(p.Sha256));
        var locked = PackageLock.Of("test", inventory).ToText();
        Assert.Contains($"\nroot busybox 1:1.0-1.el10 x86_64 sha256:{busybox.Sha256}\n", locked, StringComparison.Ordinal);
        Assert.Equal(locked, PackageLock.Parse("test.lock", locked).ToText());
    }

    [Fact]
    public async Task A_repository_on_the_network_and_a_mirror_of_it_serve_as_well()
    {
        var port = FreePort();
        using var server = Process.Start("busybox", ["httpd", "-f", "-p", $"127.0.0.1:{port}", "-h", Path.GetDirectoryName(sound.Repository.Path)!]);
        try
        {
            await AnsweringAsync(port);
            product.Describe("http://nowhere.invalid/repository", sound.Key, Facts);

            var (packages, inventory) = await product.InstallAsync(mirror: $"http://127.0.0.1:{port}/");

            Assert.Equal("t\n", Read(packages.Root, "usr/bin/tool"));
            Assert.Equal(6, inventory.Packages.Count(p => p.Sha256 is not null));
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task A_package_that_is_nowhere_is_named_with_the_one_that_was_meant() =>
        await RefusesAsync(sound.Repository.Url, sound.Key, Roles("tool, libary"), "there is no package 'libary' in baseos (did you mean 'library'?); correct the names of packages in distribution.yaml");

    [Fact]
    public async Task A_boot_package_that_is_nowhere_is_named_too() =>
        await RefusesAsync(sound.Repository.Url, sound.Key, "roles: { base: { packages: [library] }, kernel: { packages: [kernel-cor] } }", "there is no package 'kernel-cor' in baseos (did you mean 'kernel-core'?)");

    [Fact]
    public async Task A_repository_that_cannot_be_reached_is_said_to_be_that() =>
        await RefusesAsync($"http://127.0.0.1:{FreePort()}/repository", sound.Key, Facts, "Couldn't connect to server for http://127.0.0.1");

    [Fact]
    public async Task An_unsigned_package_is_refused() =>
        await RefusesChangedAsync(r => r.AddAsync("tool", new Dictionary<string, string> { ["/usr/bin/tool"] = "evil" }, key: null), "the package tool.rpm is not signed; only packages");

    [Fact]
    public async Task An_unsigned_boot_package_is_refused() =>
        await RefusesChangedAsync(r => r.AddAsync("kernel-core", new Dictionary<string, string> { ["/lib/modules/6.12/vmlinuz"] = "evil" }, key: null), "the package kernel-core.rpm is not signed");

    [Fact]
    public async Task A_package_that_another_key_has_signed_is_refused() =>
        await RefusesChangedAsync(async r =>
        {
            await r.AddKeyAsync("stranger");
            await r.AddAsync("tool", new Dictionary<string, string> { ["/usr/bin/tool"] = "evil" }, key: "stranger");
        }, "the package tool-1.0-1.el10.noarch is not signed with the distribution's keys");

    [Fact]
    public async Task A_package_that_was_changed_after_it_was_signed_is_refused() =>
        await RefusesChangedAsync(async r =>
        {
            var file = Path.Combine(r.Path, "tool.rpm");
            var bytes = await File.ReadAllBytesAsync(file);
            bytes[^20] ^= 1;
            await File.WriteAllBytesAsync(file, bytes);
        }, "the package tool.rpm is damaged, or was changed after it was signed");

    [Fact]
    public async Task Metadata_that_was_changed_after_it_was_signed_is_refused()
    {
        using var repository = await sound.Repository.CopyAsync();
        await File.AppendAllTextAsync(Path.Combine(repository.Path, "repodata/repomd.xml"), "<!-- -->\n");

        await RefusesAsync(repository.Url, sound.Key, Facts, "the metadata of the repository baseos is not what was signed with the distribution's keys");
    }

    [Fact]
    public async Task A_list_that_does_not_fit_the_signed_metadata_is_refused()
    {
        using var repository = await sound.Repository.CopyAsync();
        var list = Directory.GetFiles(Path.Combine(repository.Path, "repodata"), "*-primary.xml.*").Single();
        var bytes = await File.ReadAllBytesAsync(list);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(list, bytes);

        await RefusesAsync(repository.Url, sound.Key, Facts, "checksum doesn't match");
    }

    [Fact]
    public async Task Metadata_without_a_signature_is_taken_only_where_the_distribution_says_so()
    {
        using var repository = await sound.Repository.CopyAsync();
        await repository.PublishAsync(key: null);

        await RefusesAsync(repository.Url, sound.Key, Facts, "the metadata of the repository baseos is not signed; do not trust this package archive, or if the distribution signs nothing but its packages, write signedMetadata: false");
        product.Write("overlays/centos/distribution.yaml", $"version: 1\npackageManager: dnf\nrelease: \"10\"\nrepositories: [ {{ name: baseos, baseUrl: \"{repository.Url}\", signedMetadata: false }} ]\nkeys: [ \"{sound.Key}\" ]\n{Facts}\n");
        var (packages, _) = await product.InstallAsync();

        Assert.Equal("t\n", Read(packages.Root, "usr/bin/tool"));
    }

    [Fact]
    public async Task A_key_that_has_expired_is_refused_although_the_packages_were_signed_while_it_held()
    {
        using var repository = new RpmRepository();
        var key = await repository.AddKeyAsync("old", "1y", "--faked-system-time", "20200101T000000");
        await repository.AddAsync("tool", new Dictionary<string, string> { ["/usr/bin/tool"] = "t" }, key: "old", signing: "--faked-system-time 20200201T000000");
        await repository.PublishAsync("old", "--faked-system-time", "20200201T000000");

        await RefusesAsync(repository.Url, key, Roles("tool"), "has expired on 2020-12-31; take the distribution's present key");
    }

    [Fact]
    public async Task A_key_that_is_not_there_and_a_file_that_is_none_are_said_to_be_that()
    {
        await RefusesAsync(sound.Repository.Url, "keys/missing", Facts, "overlays/centos/keys/missing: this key file of the package archive is not there");
        await RefusesAsync(sound.Repository.Url, product.Write("no-key", "text\n"), Facts, "there is no OpenPGP key in it");
    }

    [Fact]
    public async Task A_build_that_is_broken_off_leaves_nothing_mounted_running_or_lying()
    {
        using var repository = await sound.Repository.CopyAsync();
        await repository.AddAsync("slow", new Dictionary<string, string> { ["/usr/bin/slow"] = "s" }, "Requires: busybox", "%post\necho > /etc/slow-began\nsleep 4242");
        await repository.PublishAsync();
        product.Describe(repository.Url, sound.Key, Roles("slow"));
        using var stop = new CancellationTokenSource();

        var build = product.InstallAsync(cancellation: stop.Token);
        var deadline = DateTime.UtcNow.AddMinutes(1);
        while (!FakeProduct.Files(product.FolderPath).Any(f => f.EndsWith("/etc/slow-began", StringComparison.Ordinal)) && DateTime.UtcNow < deadline && !build.IsCompleted) await Task.Delay(50, CancellationToken.None);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => build);

        Assert.Empty(product.Left());
        Assert.DoesNotContain(product.FolderPath, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
        while (Sleeping() && DateTime.UtcNow < deadline) await Task.Delay(50, CancellationToken.None);
        Assert.False(Sleeping());
    }

    private static bool Sleeping() => Directory.EnumerateDirectories("/proc").Any(d =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(d, "cmdline")).Contains("sleep\04242", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    private async Task RefusesAsync(string url, string key, string facts, string expected)
    {
        product.Describe(url, key, facts);

        var failure = await Assert.ThrowsAnyAsync<FailureException>(() => product.InstallAsync());

        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.Empty(product.Left());
    }

    private async Task RefusesChangedAsync(Func<RpmRepository, Task> change, string expected)
    {
        using var repository = await sound.Repository.CopyAsync();
        await change(repository);
        await repository.PublishAsync();

        await RefusesAsync(repository.Url, sound.Key, Facts, expected);
    }

    private static string Roles(string packages) => $"roles: {{ base: {{ packages: [{packages}] }} }}";

    private static string Read(string root, string path) => File.ReadAllText(Path.Combine(root, path));

    private async Task<string> QueryAsync(string root, string database, params string[] arguments) =>
        (await runner.RunAsync(ExternalCommand.Of("rpm", "--root", root, "--dbpath", $"/{database}", "--query").With(arguments).WithEnvironment("LC_ALL", "C.UTF-8"))).Output;

    /// <summary>Every path with its mode, owner, link target and digest.</summary>
    private async Task<string> ContentAsync(string folder)
    {
        var list = (await runner.RunAsync(ExternalCommand.Of("find", ".", "-mindepth", "1", "-printf", "%P %m %U:%G %l\n").WithWorkingDirectory(folder))).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);
        var text = new StringBuilder();
        foreach (var line in list)
        {
            var file = Path.Combine(folder, line.Split(' ')[0]);
            text.Append(line).Append(new FileInfo(file) is { LinkTarget: null, Exists: true } ? Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file))) : "").Append('\n');
        }
        return text.ToString();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task AnsweringAsync(int port)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(10); ;)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(20);
            }
        }
    }
}
