using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

/// <summary>What a build delivers beside the medium, and what it holds itself to.</summary>
public sealed class TrustTests : IDisposable
{
    private static readonly string[] Delivered = ["test.cdx.json", "test.iso", "test.json", "test.lock", "test.provenance.json", "test.spdx.json"];

    private readonly FakeProduct product = new();

    [Fact]
    public async Task The_digests_cover_all_that_is_delivered_and_sha256sum_agrees()
    {
        await product.BuildAsync();

        Assert.Equal(Delivered, DigestList.Parse("SHA256SUMS", await ReadAsync("SHA256SUMS")).Keys);
        await new CommandRunner().RunAsync(ExternalCommand.Of("sha256sum", "--check", "--strict", "SHA256SUMS").WithWorkingDirectory(product.Output));
    }

    [Fact]
    public async Task The_same_inputs_give_the_same_files_from_an_empty_cache()
    {
        await product.BuildAsync();
        var first = await Task.WhenAll(Delivered.Append("SHA256SUMS").Select(ReadAsync));
        Directory.Delete(product.Cache, recursive: true);
        Directory.Delete(product.Output, recursive: true);

        await product.BuildAsync();

        Assert.Equal(first, await Task.WhenAll(Delivered.Append("SHA256SUMS").Select(ReadAsync)));
    }

    [Fact]
    public async Task The_lock_has_every_package_with_its_digest()
    {
        await product.BuildAsync();

        Assert.Equal(
            $"""
            # The packages of test. Written by 'virtualinux build test --update-lock'.
            version 1
            image test
            suite trixie
            components main
            boot linux-image-6.12.0-test 6.12.0-1 amd64 sha256:{new string('b', 64)}
            root base 1.2-3 amd64 sha256:{new string('a', 64)}

            """, await ReadAsync("test.lock"));
    }

    [Fact]
    public async Task The_provenance_names_what_went_in_and_what_came_out()
    {
        await product.BuildAsync();

        using var statement = JsonDocument.Parse(await ReadAsync("test.provenance.json"));
        var root = statement.RootElement;
        Assert.Equal("https://in-toto.io/Statement/v1", root.GetProperty("_type").GetString());
        Assert.Equal("https://slsa.dev/provenance/v1", root.GetProperty("predicateType").GetString());
        foreach (var subject in root.GetProperty("subject").EnumerateArray())
            Assert.Equal(DigestList.DigestOf(Path.Combine(product.Output, subject.GetProperty("name").GetString()!)), Sha256(subject));
        Assert.Equal(Delivered.Where(d => d != "test.provenance.json"), root.GetProperty("subject").EnumerateArray().Select(s => s.GetProperty("name").GetString()));
        var inputs = root.GetProperty("predicate").GetProperty("buildDefinition").GetProperty("resolvedDependencies").EnumerateArray().ToDictionary(d => d.GetProperty("name").GetString()!, Sha256);
        Assert.Equal(["images/test.yaml", "overlays/common", "overlays/debian", "templates", "virtualinux", "test.lock"], inputs.Keys);
        Assert.Equal(DigestList.DigestOf(product.Program), inputs["virtualinux"]);
        Assert.Equal(DigestList.DigestOf(Path.Combine(product.Output, "test.lock")), inputs["test.lock"]);
    }

    [Fact]
    public async Task An_overlay_that_changed_has_another_digest_in_the_provenance()
    {
        await product.BuildAsync();
        var before = await ReadAsync("test.provenance.json");
        product.Write("overlays/debian/README", "not in the image, but in the folder");

        await product.BuildAsync();

        Assert.NotEqual(before, await ReadAsync("test.provenance.json"));
    }

    [Fact]
    public async Task The_commit_of_a_checkout_is_in_the_provenance_with_whether_it_was_changed()
    {
        var folder = Path.GetDirectoryName(product.Program)!;
        async Task GitAsync(params string[] arguments) => await new CommandRunner().RunAsync(ExternalCommand.Of("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b").With(arguments));
        product.Write(".gitignore", "cache\nout\n");
        await GitAsync("init", "-q");
        await GitAsync("add", ".");
        await GitAsync("commit", "-q", "-m", "all");
        var commit = (await new CommandRunner().RunAsync(ExternalCommand.Of("git", "-C", folder, "rev-parse", "HEAD"))).Output.Trim();

        await product.BuildAsync();
        var clean = await ReadAsync("test.provenance.json");
        product.Write("images/other.yaml", "");
        await product.BuildAsync();
        var changed = await ReadAsync("test.provenance.json");

        Assert.Contains($"\"gitCommit\": \"{commit}\"", clean, StringComparison.Ordinal);
        Assert.Contains("\"changed\": \"false\"", clean, StringComparison.Ordinal);
        Assert.Contains("\"changed\": \"true\"", changed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Packages_that_an_older_program_installed_get_their_digests_from_the_archive_and_nothing_is_rebuilt()
    {
        await ForgetAvailableAsync();

        var result = await product.BuildAsync();

        Assert.Equal(["archive", "inventory", "trust"], result.Stages.Where(s => !s.Cached).Select(s => s.Name));
        Assert.Contains($"root base 1.2-3 amd64 sha256:{new string('d', 64)}\n", await ReadAsync("test.lock"), StringComparison.Ordinal);
        Assert.Contains("boot linux-image-6.12.0-test 6.12.0-1 - -\n", await ReadAsync("test.lock"), StringComparison.Ordinal);
        Assert.Contains(product.Events, e => e.Kind == BuildEventKind.Warning && e.Text.Contains("installed version of linux-image-6.12.0-test any more", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_archive_out_of_reach_costs_digests_and_not_the_build_and_is_asked_again()
    {
        await ForgetAvailableAsync();
        product.Tools.Before = (name, command) =>
        {
            if (name == "apt-get") throw new ExternalCommandException(command, 100, "Could not resolve 'mirror.invalid'");
        };
        await product.BuildAsync();
        Assert.Contains("root base 1.2-3 amd64 -\n", await ReadAsync("test.lock"), StringComparison.Ordinal);
        Assert.Contains(product.Events, e => e.Stage == "archive" && e.Kind == BuildEventKind.Warning && e.Text.Contains("mirror.invalid", StringComparison.Ordinal));

        product.Tools.Before = null;
        await product.BuildAsync();

        Assert.Contains($"root base 1.2-3 amd64 sha256:{new string('d', 64)}\n", await ReadAsync("test.lock"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirrors_password_is_not_delivered()
    {
        await product.BuildAsync(o => o with { Mirror = "http://me:secret@mirror.example/debian" });

        Assert.Contains("\"mirror\": \"http://mirror.example/debian\"", await ReadAsync("test.provenance.json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_digests_of_another_image_in_the_same_folder_stay()
    {
        await product.BuildAsync();
        await File.AppendAllTextAsync(Path.Combine(product.Output, "SHA256SUMS"), $"{new string('0', 64)}  other.iso\n{new string('0', 64)}  gone.iso\n{new string('0', 64)}  test.old\n");
        await File.WriteAllTextAsync(Path.Combine(product.Output, "other.iso"), "");
        await File.WriteAllTextAsync(Path.Combine(product.Output, "test.old"), "");

        await product.BuildAsync();

        Assert.Equal(Delivered.Append("other.iso").Order(StringComparer.Ordinal), DigestList.Parse("SHA256SUMS", await ReadAsync("SHA256SUMS")).Keys);
    }

    [Fact]
    public async Task A_locked_build_refuses_packages_that_differ_before_anything_is_delivered()
    {
        await product.BuildAsync(o => o with { UpdateLock = true });
        var locked = await File.ReadAllTextAsync(Lock);
        await product.BuildAsync(o => o with { Locked = true });
        Directory.Delete(product.Output, recursive: true);
        await File.WriteAllTextAsync(Lock, locked.Replace("root base 1.2-3 amd64", "root base 1.2-2 amd64", StringComparison.Ordinal).Replace(new string('b', 64), new string('e', 64), StringComparison.Ordinal) + "root gone 1 all -\n");

        var failure = await Assert.ThrowsAsync<FailureException>(() => product.BuildAsync(o => o with { Locked = true }));

        Assert.Equal(
            $"""
            {Lock}: the installed packages are not those of the lock; build against a package archive that has those (--mirror, --refresh), or take these with 'virtualinux build test --update-lock'
              base:amd64: locked is 1.2-2, installed is 1.2-3
              boot linux-image-6.12.0-test:amd64 6.12.0-1: locked is digest {new string('e', 64)}, installed is {new string('b', 64)}
              gone:all: locked is 1, none is installed
            """, failure.Message);
        Assert.Empty(FakeProduct.Files(product.Output));
    }

    [Fact]
    public async Task A_locked_build_without_a_lock_says_how_to_get_one()
    {
        var failure = await Assert.ThrowsAsync<FailureException>(() => product.BuildAsync(o => o with { Locked = true }));

        Assert.Contains("images/test.lock: there is no such lock to hold the build to; write it with 'virtualinux build test --update-lock'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lock_is_written_only_when_asked_for_and_is_what_is_delivered()
    {
        await product.BuildAsync();
        Assert.False(File.Exists(Lock));

        await product.BuildAsync(o => o with { UpdateLock = true });

        Assert.Equal(await ReadAsync("test.lock"), await File.ReadAllTextAsync(Lock));
    }

    public void Dispose() => product.Dispose();

    private string Lock => Path.Combine(Path.GetDirectoryName(product.Program)!, "images/test.lock");

    private Task<string> ReadAsync(string file) => File.ReadAllTextAsync(Path.Combine(product.Output, file));

    private async Task ForgetAvailableAsync()
    {
        var result = await product.BuildAsync();
        File.Delete(Path.Combine(result.Stages.Single(s => s.Name == "packages").Path, "available"));
    }

    private static string Sha256(JsonElement resource) => resource.GetProperty("digest").GetProperty("sha256").GetString()!;
}
