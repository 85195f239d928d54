namespace VirtuaLinux.Model.Tests;

/// <summary>A site and its manifest for tests.</summary>
internal static class Samples
{
    public static Site Site { get; } = SiteFile.Load("site.yaml", File.ReadAllText(Repository.PathOf("tests", "VirtuaLinux.Model.Tests", "Expectations", "Site", "valid.yaml"))).Site!;

    public static Manifest Manifest { get; } = Manifest.Compile(Site, new Guid("0b0c5a6e-9d0e-4d63-8f6e-0c5f3f4f0001"), 7, ImageVersion.Parse("debian-13@2026.11.23-1"), new string('a', 64));
}
