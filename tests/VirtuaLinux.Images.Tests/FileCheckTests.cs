using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;

namespace VirtuaLinux.Images.Tests;

public sealed class FileCheckTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public FileCheckTests()
    {
        folder.Write("overlays/common/distribution.yaml", "version: 1\n");
        folder.Write("overlays/debian/distribution.yaml", "version: 1\npackageManager: mmdebstrap\nsuite: trixie\n");
        folder.Write("overlays/notes/readme.txt", "");
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("any.yaml", "name: a\nnodes: []\n", FileKind.Site)]
    [InlineData("any.yaml", "version: 1\ndistribution: debian\n", FileKind.Image)]
    [InlineData("any.yaml", "{ version: 1, suite: trixie, roles: {} }\n", FileKind.Distribution)]
    [InlineData("images/any.yaml", "name: a\nnodes: []\n", FileKind.Site)]
    [InlineData("images/any.yaml", "version: 1\npackages: []\n", FileKind.Image)]
    [InlineData("overlays/debian/distribution.yaml", "version: 1\n", FileKind.Distribution)]
    [InlineData("overlays/debian/distribution.yaml", "", FileKind.Distribution)]
    [InlineData("images/any.yaml", "[ this is: no mapping\n", FileKind.Image)]
    [InlineData("any.yaml", "", FileKind.Site)]
    public void What_a_file_describes_is_told_by_its_keys_and_in_doubt_by_its_place(string path, string text, FileKind kind) => Assert.Equal(kind, FileCheck.KindOf(folder.At(path), text));

    [Theory]
    [InlineData("images/test.yaml", "version: 1\ndistribution: debain\nrootSize: 1000KiB\n",
        "images/test.yaml:2: there is no distribution 'debain'; write one of: debian; or add its folder under overlays/\nimages/test.yaml:3: rootSize 1000KiB is not a multiple of 1MiB; write it as 2GiB")]
    [InlineData("images/test.yaml", "version: 1\ndistribution: debian\nrootsize: 8MiB\n", "images/test.yaml:3: unknown key 'rootsize'; did you mean 'rootSize'?")]
    [InlineData("images/test.yaml", "version: 1\ndistribution: debian\nsigning:\n  keys: [ nowhere.pem ]\n",
        "images/test.yaml:4: images/nowhere.pem: there is no such file; write the path of a public key in PEM, relative to this file: 'openssl pkey -in vendor.key -pubout -out vendor.pem'")]
    [InlineData("images/test.yaml", "version: 1\ndistribution: debian\nsigning: { keys: [ ../overlays/common/distribution.yaml ] }\n",
        "images/test.yaml:3: images/../overlays/common/distribution.yaml: it holds no public key in PEM ('-----BEGIN PUBLIC KEY-----'); write the path of a public key in PEM, relative to this file: 'openssl pkey -in vendor.key -pubout -out vendor.pem'")]
    [InlineData("images/test.yaml", "version: 2\ndistribution: debian\n", "images/test.yaml:1: version 2 of this file is not known; write version: 1")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\npackageManager: apt\n",
        "overlays/new/distribution.yaml:2: packageManager 'apt' is not known; write packageManager: mmdebstrap or dnf")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\npackageManager: mmdebstrap\n", "overlays/new/distribution.yaml:1: 'suite' is missing; add the release's name in its package archive, such as suite: trixie")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\nextends: debain\n", "overlays/new/distribution.yaml:2: there is no distribution 'debain'; write one of: debian; or add its folder under overlays/")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\nsiute: trixie\n", "overlays/new/distribution.yaml:2: unknown key 'siute'; did you mean 'suite'?")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\nsuite: trixie\n", "overlays/new/distribution.yaml:1: 'packageManager' is missing; write packageManager: mmdebstrap or dnf")]
    [InlineData("site.yaml", "name: a\nnetworks: { cluster: { subnet: 10.0.0.0/24 } }\nnodes: []\n", "site.yaml:3: the site has no node; write at least one, as in { name: node01, mac: \"52:54:00:77:00:01\", ip: 192.168.77.11 }")]
    public void Every_fault_is_named_with_its_line_and_what_to_write(string path, string text, string expected)
    {
        var (description, errors) = FileCheck.Run(folder.At(path), text);
        Assert.Null(description);
        Assert.Equal(expected, string.Join('\n', errors).Replace($"{folder.Path}/", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("images/test.yaml", "version: 1\ndistribution: debian\n", "image 'test' of debian")]
    [InlineData("overlays/debian/distribution.yaml", "version: 1\npackageManager: mmdebstrap\nsuite: trixie\n", "distribution 'debian'")]
    [InlineData("overlays/new/distribution.yaml", "version: 1\nextends: debian\n", "distribution 'new'")]
    [InlineData("overlays/common/distribution.yaml", "version: 1\n", "what all distributions share")]
    [InlineData("site.yaml", "name: a\nnetworks: { cluster: { subnet: 10.0.0.0/24 } }\nnodes: [ { name: n, mac: 52:54:00:77:00:01, ip: 10.0.0.2 } ]\n", "site 'a' with 1 node")]
    public void A_sound_file_is_described(string path, string text, string expected)
    {
        var (description, errors) = FileCheck.Run(folder.At(path), text);
        Assert.Empty(errors);
        Assert.Equal(expected, description);
    }

    [Fact]
    public void Every_file_that_the_product_ships_is_sound()
    {
        string[] files = [.. Directory.GetFiles(ProductFiles.Locate("images"), "*.yaml"), .. Directory.GetFiles(ProductFiles.Locate("overlays"), "distribution.yaml", SearchOption.AllDirectories)];
        Assert.True(files.Length > 2);
        Assert.All(files, f => Assert.Empty(FileCheck.Run(f, File.ReadAllText(f)).Errors));
    }

    [Fact]
    public void A_build_says_the_same_of_an_image_whose_distribution_is_not_there()
    {
        folder.Write("images/test.yaml", "version: 1\ndistribution: debain\n");
        var failure = Assert.Throws<InvalidInputException>(() => DefinitionSet.Load("test", folder.Path));
        Assert.Equal(2, Assert.Single(failure.Errors).Line);
    }
}
