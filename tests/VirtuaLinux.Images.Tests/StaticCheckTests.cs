using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Conformance;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

public sealed class StaticCheckTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 26, 0, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder product = new();
    private readonly Rendering rendering = new();
    private readonly Gpg gpg = new();

    public StaticCheckTests()
    {
        foreach (var folder in (string[])["overlays/common", "overlays/debian-13", "templates/iso"]) Copy(ProductFiles.Locate(folder), product.At(folder));
        Copy(ProductFiles.Locate("templates/distro"), product.At("templates/distro"));
        Directory.CreateDirectory(product.At("images"));
    }

    public void Dispose() => product.Dispose();

    [Fact]
    public async Task A_sound_distribution_meets_every_requirement()
    {
        Write("title: Mine\nfamily: debian\nrelease: \"1\"\nextends: debian-13\nroles:\n  xen: { lacks: nobody asked }\n");

        var report = await CheckAsync();

        Assert.All(report.Requirements, r => Assert.True(r.Passed, $"{r.Text}: {r.Evidence}"));
        Assert.Equal(Enumerable.Range(1, 10), report.Requirements.Select(r => r.Number));
        Assert.Equal("Mine, over debian-13, common", report.Requirements[0].Evidence);
        Assert.EndsWith("; xen is lacking: nobody asked", report.Requirements[2].Evidence, StringComparison.Ordinal);
        Assert.Equal(["small node01", "large node01", "large node02", "large node03"], rendering.Nodes);
        Assert.Equal(["small", "large"], rendering.Menus);
        using var json = JsonDocument.Parse(JsonSerializer.Serialize(report, ConformanceJson.Readable.ConformanceReport));
        Assert.True(json.RootElement.GetProperty("passed").GetBoolean());
        Assert.Equal(10, json.RootElement.GetProperty("requirements").GetArrayLength());
    }

    [Theory]
    [InlineData("title: Mine\nextends: debian-13\nsweet: trixie\n", 1, "4: unknown key 'sweet'")]
    [InlineData("title: Mine\nextends: debian-13\n", 1, "overlays/mine/distribution.yaml does not say what it is; add release, such as \"13\"")]
    [InlineData("release: '1'\nextends: debian-13\n", 1, "add title, such as Debian 13 \"trixie\"")]
    [InlineData("title: Mine\nrelease: '1'\nextends: debian-13\nroles:\n  dns: { enable: [ unbound.service ] }\n", 3, "role 'dns' (a caching name server on every node) has no packages in any overlay of the chain; add packages or lacks in")]
    [InlineData("title: Mine\nrelease: '1'\nextends: debian-13\nroles:\n  ssh: { packages: [ ssh ], enable: [ sshd ] }\n", 4, "enable: 'sshd' is not the name of a unit; end it with .service, .socket, .timer, .target, .mount, .path")]
    [InlineData("title: Mine\nrelease: '1'\nextends: debian-13\nroles:\n  ssh: { packages: [ ssh ], enable: [ a.service ], mask: [ a.service ] }\n", 4, "'a.service' is in enable and mask; leave it in one of them")]
    [InlineData("title: Mine\nrelease: '1'\nextends: debian-13\nkeys: [ not-there.gpg ]\n", 9, "overlays/mine/not-there.gpg is not there; put the archive's key there")]
    public async Task What_the_facts_lack_is_named(string facts, int number, string evidence)
    {
        Write(facts);

        Assert.Contains(evidence, await FailureAsync(number), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("build/etc/issue.sbn", "one\n{{ kernel_relaese }}\n", 5, "overlays/mine/build/etc/issue.sbn:2: ")]
    [InlineData("build/etc/issue", "plain\n", 5, "move the file to files/")]
    [InlineData("node/etc/issue.sbn", "{{ broken }}\n", 6, "overlays/mine/node/etc/issue.sbn:1: ")]
    [InlineData("node/etc/issue", "plain\n", 6, "overlays/mine/node/etc/issue is no template, and no node would write it; end its name with .sbn, or move it to files/")]
    public async Task A_file_of_the_overlay_that_cannot_be_used_is_named(string path, string text, int number, string evidence)
    {
        Write(Sound);
        product.Write($"overlays/mine/{path}", text);

        Assert.Contains(evidence, await FailureAsync(number), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_in_a_boot_menu_is_named()
    {
        Write(Sound);
        product.Write("templates/iso/grub.cfg.sbn", "{{ imaeg }}");

        Assert.Contains("grub.cfg.sbn:1: ", await FailureAsync(7), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("etc/a", "../../etc/passwd", true)]
    [InlineData("etc/a", "../usr/../../x", true)]
    [InlineData("etc/a", "/../x", true)]
    [InlineData("etc/a", "../usr/x", false)]
    [InlineData("etc/a", "/dev/null", false)]
    public async Task A_link_may_not_lead_above_the_root(string path, string target, bool leaves)
    {
        Write(Sound);
        Directory.CreateDirectory(product.At("overlays/mine/files/etc"));
        File.CreateSymbolicLink(product.At($"overlays/mine/files/{path}"), target);

        var link = (await CheckAsync()).Requirements[7];

        Assert.Equal(!leaves, link.Passed);
        if (leaves) Assert.Contains($"overlays/mine/files/{path} leads to {target}, which is above the root", link.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pub:-:4096:1:AAAA:1:::-:::scSC:", true, "archive.gpg: 1 key, without an end")]
    [InlineData("pub:-:4096:1:AAAA:1:1900000000::-:::scSC:", true, "archive.gpg: 1 key, good until 2030-03-17")]
    [InlineData("pub:-:4096:1:AAAA:1:1798200000::-:::scSC:", false, "archive.gpg: key AAAA expires on 2026-12-25; put the archive's new key there")]
    [InlineData("pub:e:4096:1:AAAA:1:1700000000::-:::sc:", false, "archive.gpg: key AAAA expired on 2023-11-14; put")]
    [InlineData("pub:-:4096:1:AAAA:1:::-:::scSC:\nsub:e:4096:1:BBBB:1:1700000000:::::s:", false, "archive.gpg: key BBBB expired on 2023-11-14; put")]
    [InlineData("pub:-:4096:1:AAAA:1:::-:::scSC:\nsub:e:4096:1:BBBB:1:1700000000:::::e:", true, "archive.gpg: 1 key, without an end")]
    [InlineData("", false, "archive.gpg has no public key in it")]
    public async Task Keys_have_to_be_good_for_sixty_days_more(string listing, bool passed, string evidence)
    {
        Write(Sound + "keys: [ archive.gpg ]\n");
        product.Write("overlays/mine/archive.gpg", "");
        gpg.Listing = listing;

        var keys = (await CheckAsync()).Requirements[8];

        Assert.Equal(passed, keys.Passed);
        Assert.Contains(evidence, keys.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_keys_that_a_real_gpg_lists_are_understood()
    {
        Write(Sound + "keys: [ archive.asc ]\n");
        using var home = new TemporaryFolder();
        var runner = new CommandRunner();
        ExternalCommand Call(params string[] arguments) => ExternalCommand.Of("gpg", ["--batch", "--homedir", home.Path, .. arguments]);
        await runner.RunAsync(Call("--passphrase", "", "--quick-gen-key", "archive@example.org", "ed25519", "sign", "2d"));
        product.Write("overlays/mine/archive.asc", (await runner.RunAsync(Call("--armor", "--export"))).Output);
        await runner.RunAsync(ExternalCommand.Of("gpgconf", "--homedir", home.Path, "--kill", "all"));

        var keys = (await new StaticCheck(product.Path, runner, rendering, TimeProvider.System).RunAsync("mine")).Requirements[8];

        Assert.Matches("archive.asc: key [0-9A-F]{16} expires on ", keys.Evidence);
        product.Write("overlays/mine/archive.asc", "no key");
        Assert.Contains("archive.asc is no key file: ", (await new StaticCheck(product.Path, runner, rendering, TimeProvider.System).RunAsync("mine")).Requirements[8].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_boot_file_without_a_place_is_named()
    {
        var file = product.At("overlays/debian-13/distribution.yaml");
        await File.WriteAllLinesAsync(file, (await File.ReadAllLinesAsync(file)).Where(l => !l.Contains("undionly", StringComparison.Ordinal) && !l.Contains("mmx64", StringComparison.Ordinal) && !l.Contains("grub-i386-pc:", StringComparison.Ordinal)));
        Write(Sound);

        Assert.Equal("bootFiles does not say where undionly.kpxe is; add it\nbootFiles does not say where mmx64.efi is; add it\nbootFiles does not say where grub-i386-pc is; add it", await FailureAsync(10));
    }

    [Fact]
    public async Task Facts_that_do_not_load_leave_nothing_else_to_look_at()
    {
        Write("extends: debian-13\narchitecture: arm64\n");

        var report = await CheckAsync();

        Assert.False(report.Passed);
        Assert.Contains("distribution.yaml:3: architecture 'arm64' is not supported yet", report.Requirements[0].Evidence, StringComparison.Ordinal);
        Assert.All(report.Requirements.Skip(1), r => Assert.False(r.Passed));
    }

    [Fact]
    public async Task An_unknown_distribution_is_named_with_those_that_there_are() =>
        Assert.Equal("there is no distribution 'mine'; there are: debian-13", (await Assert.ThrowsAsync<FailureException>(CheckAsync)).Message);

    [Fact]
    public async Task A_new_distribution_like_another_meets_every_requirement_and_is_an_image()
    {
        product.Write("images/debian-13.yaml", "version: 1\ndistribution: debian-13\nrootSize: 512MiB\n");

        var files = NewDistribution.Create(product.Path, "mine", "debian-13");

        Assert.Equal([product.At("overlays/mine/distribution.yaml"), product.At("images/mine.yaml")], files);
        Assert.All(files, f => Assert.Empty(Definitions.FileCheck.Run(f, File.ReadAllText(f)).Errors));
        Assert.True((await CheckAsync()).Passed);
        var (mine, theirs) = (Definitions.DefinitionSet.Load("mine", product.Path), Definitions.DefinitionSet.Load("debian-13", product.Path));
        Assert.Equal(theirs.Distribution.Packages, mine.Distribution.Packages);
        Assert.Equal(ByteSize.FromMiB(512), mine.Image.RootSize);
    }

    [Theory]
    [InlineData("debian-13", "debian-13", "overlays/debian-13 is there already, and is left as it is; choose another name")]
    [InlineData("common", "debian-13", "overlays/common is there already, and is left as it is; choose another name")]
    [InlineData("taken", "debian-13", "images/taken.yaml is there already, and is left as it is; choose another name")]
    [InlineData("../mine", "debian-13", "'../mine' cannot be the name of a distribution; write letters, digits, dots and hyphens, as in debian-13")]
    [InlineData("", "debian-13", "'' cannot be the name of a distribution; write letters, digits, dots and hyphens, as in debian-13")]
    [InlineData("a@b", "debian-13", "'a@b' cannot be the name of a distribution; write letters, digits, dots and hyphens, as in debian-13")]
    [InlineData("mine", "debian-14", "there is no distribution 'debian-14'; name one of: debian-13")]
    public void A_name_that_is_taken_or_bad_is_refused_and_nothing_written(string name, string like, string message)
    {
        product.Write("images/taken.yaml", "version: 1\n");
        var before = FakeProduct.Files(product.Path).Order(StringComparer.Ordinal).ToList();

        var failure = Assert.Throws<FailureException>(() => NewDistribution.Create(product.Path, name, like));

        Assert.Equal(message, failure.Message.Replace($"{product.Path}/", "", StringComparison.Ordinal));
        Assert.Equal(before, FakeProduct.Files(product.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_list_has_what_each_extends_and_names_what_does_not_load()
    {
        Write(Sound);
        product.Write("overlays/broken/distribution.yaml", "version: 1\nextends: nothing\n");

        var (distributions, errors) = DistributionSummary.List(product.At("overlays"));

        Assert.Equal([("debian-13", null, "mmdebstrap"), ("mine", "debian-13", "mmdebstrap")], distributions.Select(d => (d.Name, d.Extends, d.PackageManager)));
        Assert.StartsWith("there is no distribution 'nothing'", Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    private const string Sound = "title: Mine\nrelease: '1'\nextends: debian-13\n";

    private void Write(string facts) => product.Write("overlays/mine/distribution.yaml", "version: 1\n" + facts);

    private Task<ConformanceReport> CheckAsync() => new StaticCheck(product.Path, gpg, rendering, new Clock()).RunAsync("mine");

    /// <summary>What is said of the only requirement that fails; or of the first, when nothing else could be looked at.</summary>
    private async Task<string> FailureAsync(int number)
    {
        var failed = (await CheckAsync()).Requirements.Where(r => !r.Passed && !r.Evidence.StartsWith("not looked at", StringComparison.Ordinal));
        var only = Assert.Single(failed);
        Assert.Equal(number, only.Number);
        return only.Evidence;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        new CommandRunner().RunAsync(ExternalCommand.Of("cp", "-a", from, to)).GetAwaiter().GetResult();
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }

    /// <summary>Stands in for the node's and the boot server's code, which is above this project: knows one variable too few.</summary>
    private sealed class Rendering : INodeRendering
    {
        public List<string> Nodes { get; } = [];

        public List<string> Menus { get; } = [];

        public void RenderFiles(string root, Manifest manifest, ManifestNode node)
        {
            Nodes.Add($"{manifest.Name} {node.Name}");
            foreach (var template in Directory.GetFiles(root, "*.sbn", SearchOption.AllDirectories))
                if (File.ReadAllText(template).Contains("broken", StringComparison.Ordinal)) TemplateRenderer.Render(template, File.ReadAllText(template), new Dictionary<string, object?>());
        }

        public void RenderBootMenus(Manifest manifest) => Menus.Add(manifest.Name);
    }

    private sealed class Gpg : ICommandRunner
    {
        public string Listing { get; set; } = "";

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default) => Task.FromResult(new CommandResult(0, Listing + "\n", ""));
    }
}
