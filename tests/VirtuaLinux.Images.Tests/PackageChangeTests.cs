using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

public sealed class PackageChangeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly MadeUpRoot root = new();

    [Theory]
    [InlineData("spdx.json", true)]
    [InlineData("cdx.json", true)]
    [InlineData("lock", false)]
    public async Task Packages_that_came_went_changed_or_were_relicensed_are_named(string kind, bool licences)
    {
        await WriteAsync("before", i => i);
        await WriteAsync("after", i => i with { Packages = [.. i.Packages.Where(p => p.Name != "adduser").Select(Change), i.Packages[0] with { Name = "new" }] });

        var changes = PackageChange.Between(folder.At($"before/test.{kind}"), folder.At($"after/test.{kind}"));

        PackageChange[] expected =
        [
            new("adduser:all", "removed", "3.152", null),
            new("libstdc++6:amd64", "rebuilt", new string('6', 64), new string('7', 64)),
            new("linux-image:amd64", "version", "6.12-1", "6.12-2"),
            new("linux-image:amd64", "licence", "GPL-2.0-only", "MIT"),
            new("new:all", "added", null, "3.152"),
        ];
        Assert.Equal(expected.Where(e => licences || e.Kind != "licence"), changes);
    }

    [Fact]
    public async Task Each_kind_of_file_tells_the_same_packages_and_a_folder_is_read_too()
    {
        await WriteAsync("one", i => i);

        foreach (var kind in (string[])["", "/test.cdx.json", "/test.lock"])
            Assert.Empty(PackageChange.Between(folder.At("one/test.spdx.json"), folder.At("one" + kind)));
    }

    [Fact]
    public async Task What_cannot_be_compared_is_named_with_what_can()
    {
        string Failure(string path) => Assert.ThrowsAny<FailureException>(() => PackageChange.Between(folder.At(path), folder.At(path))).Message;
        await WriteAsync("two", i => i);
        File.Copy(folder.At("two/test.spdx.json"), folder.At("two/other.spdx.json"));
        folder.Write("bad.json", "{}");
        folder.Write("broken.json", "{");
        folder.Write("bad.lock", "version 1\nimage a\nsuite b\ncomponents c\nroot bash 5.2\n");
        Directory.CreateDirectory(folder.At("empty"));

        Assert.Contains("it has several images; name the file of one: other.spdx.json, test.spdx.json", Failure("two"), StringComparison.Ordinal);
        Assert.Contains("bad.json: this is neither SPDX nor CycloneDX", Failure("bad.json"), StringComparison.Ordinal);
        Assert.Contains("broken.json: this is no bill of materials", Failure("broken.json"), StringComparison.Ordinal);
        Assert.Contains("bad.lock:5: 'root bash 5.2' is no line of a lock", Failure("bad.lock"), StringComparison.Ordinal);
        Assert.Contains("empty: it has no *.spdx.json", Failure("empty"), StringComparison.Ordinal);
        Assert.Contains("nothing", Failure("nothing"), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        folder.Dispose();
        root.Dispose();
    }

    private static InventoryPackage Change(InventoryPackage package) => package switch
    {
        { Name: "linux-image" } => package with { Version = "6.12-2", License = "MIT", Sha256 = new string('b', 64) },
        { Name: "libstdc++6", Architecture: "amd64" } => package with { Sha256 = new string('7', 64) },
        _ => package,
    };

    private async Task WriteAsync(string name, Func<PackageInventory, PackageInventory> change)
    {
        var contents = await root.ContentsAsync();
        contents = contents with { Inventory = change(contents.Inventory) };
        folder.Write($"{name}/test.spdx.json", SpdxDocument.Of(contents).ToText());
        folder.Write($"{name}/test.cdx.json", CycloneDxDocument.Of(contents).ToText());
        folder.Write($"{name}/test.lock", PackageLock.Of("test", contents.Inventory).ToText());
    }
}
