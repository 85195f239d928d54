namespace VirtuaLinux.Host.Tests;

/// <summary>The tests run inside a checkout, so that its folders are found; a variable of the environment goes before them.</summary>
public sealed class ProductFilesTests : IDisposable
{
    private readonly DirectoryInfo share = Directory.CreateTempSubdirectory();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("VIRTUALINUX_SHARE", null);
        share.Delete(recursive: true);
    }

    [Fact]
    public void Files_of_the_checkout_around_the_program_are_found()
    {
        var solution = ProductFiles.Locate("VirtuaLinux.sln");
        Assert.True(File.Exists(solution));
        Assert.Equal(Path.Combine(Path.GetDirectoryName(solution)!, "templates"), ProductFiles.Locate("templates"));
    }

    [Fact]
    public void The_variable_goes_first_and_what_it_lacks_comes_from_the_checkout()
    {
        Directory.CreateDirectory(Path.Combine(share.FullName, "templates"));
        Environment.SetEnvironmentVariable("VIRTUALINUX_SHARE", share.FullName);
        Assert.Equal(Path.Combine(share.FullName, "templates"), ProductFiles.Locate("templates"));
        Assert.DoesNotContain(share.FullName, ProductFiles.Locate("overlays"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_nowhere_is_reported_with_what_to_do()
    {
        var e = Assert.Throws<FailureException>(() => ProductFiles.Locate("templates/no-such-template.sbn"));
        Assert.Contains("templates/no-such-template.sbn", e.Message, StringComparison.Ordinal);
        Assert.Contains("set VIRTUALINUX_SHARE", e.Message, StringComparison.Ordinal);
    }
}
