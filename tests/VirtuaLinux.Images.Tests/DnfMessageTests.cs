using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Packages;

namespace VirtuaLinux.Images.Tests;

public sealed class DnfMessageTests : IDisposable
{
    private const string Sound = "release: \"10\"\nrepositories: [ { name: a, baseUrl: \"https://h/\" } ]\nkeys: [ k ]\n";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("Errors during downloading metadata for repository 'baseos':\n  - Status code: 404 for http://h/repodata/repomd.xml (IP: 127.0.0.1)\nError: Failed to download metadata for repo 'baseos': Cannot download repomd.xml", "Status code: 404 for http://h/repodata/repomd.xml (IP: 127.0.0.1); check the network")]
    [InlineData("Error: \n Problem: conflicting requests\n  - nothing provides b needed by a-1-1.noarch from baseos", "conflicting requests; the repositories do not have")]
    [InlineData("Error: Transaction test error:\n  file /usr/bin/x conflicts between attempted installs of a-1 and b-1", "file /usr/bin/x conflicts between attempted installs of a-1 and b-1; two packages")]
    [InlineData("error: %prein(a-1-1.noarch) scriptlet failed, exit status 1\nError in PREIN scriptlet in rpm package a\nError: Transaction failed", "Error in PREIN scriptlet in rpm package a; the package's own")]
    [InlineData("Error: something new.", "something new; check the network")]
    public void The_telling_line_is_the_cause(string output, string expected) => Assert.StartsWith(expected, DnfMessage.Explain(output.Split('\n')), StringComparison.Ordinal);

    [Fact]
    public void Who_says_nothing_is_not_explained() => Assert.Null(DnfMessage.Explain(["Complete!", "Error: "]));

    [Theory]
    [InlineData("  Installing       : library-1.0-1.el10.noarch                              1/2 ", "Installing : library-1.0-1.el10.noarch 1/2")]
    [InlineData("(1/2): library.rpm          1.0 MB/s | 6.1 kB     00:00", "(1/2): library.rpm")]
    [InlineData("  Verifying        : library-1.0-1.el10.noarch                              1/2 ", null)]
    [InlineData(" library          noarch           1.0-1.el10           baseos           6.1 k", null)]
    public void Progress_is_told_in_short(string line, string? expected) => Assert.Equal(expected, DnfMessage.Progress(line));

    [Theory]
    [InlineData("https://host/10/os/", null, "https://host/10/os/")]
    [InlineData("https://host/10/os/", "http://mirror:80/x/", "http://mirror:80/x/10/os/")]
    [InlineData("file:///srv/os", "http://mirror", "http://mirror/srv/os")]
    [InlineData("https://host", "http://mirror/", "http://mirror")]
    public void A_mirror_stands_for_scheme_and_host(string url, string? mirror, string expected) => Assert.Equal(expected, Dnf.Mirrored(url, mirror));

    [Theory]
    [InlineData("/usr/share/man/*", "/usr/share/man")]
    [InlineData("/usr/bin/tool", "/usr/bin/tool")]
    [InlineData("/usr/lib/firmware/rtw8*", null)]
    [InlineData("/usr/*/man/*", null)]
    [InlineData("/*", null)]
    [InlineData("usr/share", null)]
    [InlineData("/a:/b", null)]
    [InlineData("/%{_usr}", null)]
    public void Excluded_are_whole_folders_and_single_files(string pattern, string? expected) => Assert.Equal(expected, RpmMacros.NetSharedPath(pattern));

    [Theory]
    [InlineData("pub:u:2048:1:AA11:1500000000:::u:::scSC::::::23::0:", null)]
    [InlineData("", "there is no OpenPGP key in it")]
    [InlineData("pub:e:2048:1:AA11:1500000000:1600000000::u:::sc::::::23::0:", "the key AA11 has expired on 2020-09-13")]
    [InlineData("pub:r:2048:1:AA11:1500000000:::u:::sc::::::23::0:", "the key AA11 was revoked")]
    [InlineData("pub:u:2048:1:AA11:1500000000:::u:::scSC::::::23::0:\npub:e:2048:1:BB22:1500000000:1600000000::u:::sc::::::23::0:", "the key BB22 has expired on 2020-09-13")]
    [InlineData("pub:u:2048:1:AA11:1500000000:::u:::scSC::::::23::0:\nsub:e:2048:1:CC33:1500000000:1600000000:::::s::::::23:", "the key CC33 has expired on 2020-09-13")]
    [InlineData("pub:u:2048:1:AA11:1500000000:::u:::scSC::::::23::0:\nsub:e:2048:1:CC33:1500000000:1600000000:::::e::::::23:", null)]
    public void A_key_that_does_not_hold_any_more_is_named(string listing, string? expected) => Assert.Equal(expected, RpmKeys.Fault(listing));

    [Theory]
    [InlineData("", "1: 'release' is missing")]
    [InlineData("", "1: 'repositories' is missing")]
    [InlineData("", "1: 'keys' is missing")]
    [InlineData("repositories:\n  - { name: a, baseUrl: \"https://h/\" }\n  - { name: a, baseUrl: \"https://h/\" }", "5: there are two repositories 'a'")]
    [InlineData("repositories: [ { name: \"a b\", baseUrl: \"https://h/\" } ]", "3: 'a b' is not the name of a repository")]
    [InlineData("repositories: [ { name: main, baseUrl: \"https://h/\" } ]", "3: 'main' is not the name of a repository")]
    [InlineData("repositories: [ { name: a, baseUrl: h } ]", "3: baseUrl 'h' is no URI")]
    [InlineData(Sound + "pathExclude: [/usr/share/man/*, /usr/lib/x*]", "6: '/usr/lib/x*': rpm leaves out whole folders")]
    [InlineData(Sound + "archive: https://h/", "6: dnf has repositories, and no archive")]
    [InlineData(Sound + "pathInclude: [/usr/share/doc/*/copyright]", "6: rpm knows no exceptions")]
    public void What_dnf_has_to_know_is_asked_for_by_line(string facts, string expected)
    {
        var file = folder.Write("overlays/new/distribution.yaml", $"version: 1\npackageManager: dnf\n{facts}\n");

        var (_, errors) = FileCheck.Run(file, File.ReadAllText(file));

        Assert.Contains(errors, e => $"{e.Line}: {e.Message}".StartsWith(expected, StringComparison.Ordinal));
    }

    /// <summary>All but the release's number, which is never inherited.</summary>
    [Fact]
    public void What_is_said_beneath_counts_and_is_refused_by_the_file_on_top()
    {
        folder.Write("overlays/common/distribution.yaml", "version: 1\n");
        folder.Write("overlays/centos/distribution.yaml", $"version: 1\npackageManager: dnf\n{Sound}");
        Assert.Equal([], FaultsOf("version: 1\nextends: centos\nrelease: \"11\"\n"));
        Assert.Equal(["1: 'release' is missing"], FaultsOf("version: 1\nextends: centos\n"));

        folder.Write("overlays/debian/distribution.yaml", "version: 1\npackageManager: mmdebstrap\nsuite: trixie\npathExclude: [/a, /b*, /c]\n");

        Assert.Equal(["7: '/b*': rpm leaves out whole folders and single files only", "9: '/e*': rpm leaves out whole folders and single files only"],
            FaultsOf($"version: 1\nextends: debian\npackageManager: dnf\n{Sound}pathExclude:\n  - /d\n  - /e*\n"));
    }

    private IEnumerable<string> FaultsOf(string text)
    {
        var file = folder.Write("overlays/new/distribution.yaml", text);
        return FileCheck.Run(file, text).Errors.Select(e => $"{e.Line}: {e.Message}");
    }
}
