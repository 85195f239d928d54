using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

/// <summary>When people hear that a file system fills that does not grow by itself.</summary>
public sealed class FileSystemGuardTests
{
    [Theory]
    [InlineData(89, false, false)]
    [InlineData(90, false, true)]
    [InlineData(100, false, true)]
    [InlineData(85, true, true)]
    [InlineData(84, true, false)]
    public void A_volume_is_nearly_full_from_its_mark_on_and_until_there_is_some_room_again(long used, bool before, bool now)
    {
        Assert.Equal(now ? ["local"] : [], FileSystemGuard.Next(before ? ["local"] : [], Usage(local: used)).Now);
        Assert.Equal(now ? ["shared"] : [], FileSystemGuard.Next(before ? ["shared"] : [], Usage(shared: used)).Now);
    }

    [Fact]
    public void It_is_told_once_with_what_to_do_and_again_when_it_comes_back()
    {
        var (now, said) = FileSystemGuard.Next([], Usage(local: 93, shared: 95));
        Assert.Equal(["local", "shared"], now);
        Assert.Equal(
            [
                "local is nearly full (93 % of 100.0 GiB). Delete files, or write a larger 'local:' under 'volumes:' of the site file and give 'virtualinux site apply --site site.yaml', which grows it while nodes use it",
                "shared is nearly full (95 % of 100.0 GiB). Delete files, or write a larger 'shared:' under 'volumes:' of the site file and give 'virtualinux site apply --site site.yaml', which grows it while nodes use it",
            ],
            said);
        (now, said) = FileSystemGuard.Next(now, Usage(local: 96, shared: 88));
        Assert.Equal(["local", "shared"], now);
        Assert.Empty(said);
        (now, _) = FileSystemGuard.Next(now, Usage(local: 10, shared: 88));
        Assert.Equal(["shared"], now);
        Assert.StartsWith("local is nearly full (90 %", Assert.Single(FileSystemGuard.Next(now, Usage(local: 90, shared: 88)).Said), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_does_not_serve_the_shared_volume_says_nothing_of_it() => Assert.Empty(FileSystemGuard.Next([], Usage(local: 1)).Now);

    /// <summary>Shares of 100 GiB.</summary>
    private static StoreUsage Usage(long local = 0, long? shared = null) => new()
    {
        DataUsed = 0,
        DataSize = 1,
        MetadataUsed = 0,
        MetadataSize = 1,
        LocalUsed = local << 30,
        LocalSize = 100L << 30,
        SharedUsed = shared << 30,
        SharedSize = shared is null ? null : 100L << 30,
        Level = "enough",
    };
}
