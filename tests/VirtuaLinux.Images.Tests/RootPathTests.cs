using VirtuaLinux.Host;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Tests;

public sealed class RootPathTests : IDisposable
{
    private readonly TemporaryFolder root = new();

    [Fact]
    public void Absolute_links_stay_inside_the_root()
    {
        root.Write("usr/lib/real", "");
        File.CreateSymbolicLink(root.At("lib"), "/usr/lib");
        File.CreateSymbolicLink(root.At("usr/lib/link"), "real");

        Assert.Equal("usr/lib/real", RootPath.Resolve(root.Path, "/lib/link"));
    }

    [Fact]
    public void Dots_cannot_climb_out()
    {
        File.CreateSymbolicLink(root.At("out"), "../../../../etc");

        Assert.Equal("etc/passwd", RootPath.Resolve(root.Path, "out/passwd"));
        Assert.Equal("etc/passwd", RootPath.Resolve(root.Path, "../../etc/./passwd"));
    }

    [Fact]
    public void Links_in_a_circle_are_a_failure_and_not_an_endless_loop()
    {
        File.CreateSymbolicLink(root.At("a"), "b");
        File.CreateSymbolicLink(root.At("b"), "a");

        Assert.Throws<FailureException>(() => RootPath.Resolve(root.Path, "a"));
    }

    public void Dispose() => root.Dispose();
}
