using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;

namespace VirtuaLinux.Images.Tests;

public sealed class StageCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_result_is_made_once_and_found_again_by_the_next_build()
    {
        var built = 0;
        for (var round = 0; round < 2; round++)
        {
            using var cache = new StageCache(folder.Path);
            var stage = await cache.GetOrBuildAsync("root", "key", path =>
            {
                built++;
                return File.WriteAllTextAsync(Path.Combine(path, "result"), "made");
            });

            Assert.Equal(round == 1, stage.Cached);
            Assert.Equal("made", await File.ReadAllTextAsync(Path.Combine(stage.Path, "result")));
        }
        Assert.Equal(1, built);
    }

    [Fact]
    public async Task A_stage_that_fails_leaves_nothing()
    {
        using var cache = new StageCache(folder.Path);

        await Assert.ThrowsAsync<InvalidOperationException>(() => cache.GetOrBuildAsync("root", "key", path =>
        {
            File.WriteAllText(Path.Combine(path, "half"), "");
            throw new InvalidOperationException();
        }));

        Assert.Empty(Directory.GetFileSystemEntries(folder.At("root")));
    }

    [Fact]
    public async Task What_a_killed_build_left_is_not_taken_for_a_result_and_is_swept_away()
    {
        folder.Write("root/key.partial/half", "");

        using var cache = new StageCache(folder.Path);

        Assert.False(Path.Exists(folder.At("root/key.partial")));
        Assert.False((await cache.GetOrBuildAsync("root", "key", _ => Task.CompletedTask)).Cached);
    }

    [Fact]
    public void A_second_build_on_the_same_cache_is_told_so()
    {
        using var cache = new StageCache(folder.Path);

        Assert.Contains("wait until another build has ended", Assert.Throws<FailureException>(() => new StageCache(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_build_left_mounted_is_unmounted_and_not_deleted()
    {
        using var machine = new TemporaryFolder();
        machine.Write("precious", "content");
        var left = folder.At("packages/key.partial/root/a b");
        Directory.CreateDirectory(left);
        await new CommandRunner().RunAsync(ExternalCommand.Of("mount", "--bind", machine.Path, left), TestContext.Current.CancellationToken);

        using var cache = new StageCache(folder.Path);

        Assert.False(Directory.Exists(folder.At("packages/key.partial")));
        Assert.True(File.Exists(machine.At("precious")));
    }

    [Fact]
    public async Task What_cannot_be_unmounted_is_named_and_nothing_is_deleted()
    {
        using var machine = new TemporaryFolder();
        machine.Write("precious", "content");
        var left = folder.At("packages/key.partial/root");
        Directory.CreateDirectory(left);
        var runner = new CommandRunner();
        await runner.RunAsync(ExternalCommand.Of("mount", "--bind", machine.Path, left), TestContext.Current.CancellationToken);
        try
        {
            using (File.OpenRead(Path.Combine(left, "precious")))
                Assert.Contains(left, Assert.Throws<FailureException>(() => new StageCache(folder.Path)).Message, StringComparison.Ordinal);
            Assert.True(File.Exists(machine.At("precious")));
        }
        finally
        {
            await runner.RunAsync(ExternalCommand.Of("umount", left), CancellationToken.None);
        }
    }

    [Fact]
    public async Task Old_results_make_room_and_the_one_in_use_stays()
    {
        using var cache = new StageCache(folder.Path);
        for (var i = 0; i < 8; i++) await cache.GetOrBuildAsync("root", $"key{i}", _ => Task.CompletedTask);

        Assert.Equal(3, Directory.GetDirectories(folder.At("root")).Length);
        Assert.True((await cache.GetOrBuildAsync("root", "key7", _ => Task.CompletedTask)).Cached);
    }

    [Fact]
    public void Keys_follow_content_and_mode_but_neither_date_nor_place()
    {
        using var other = new TemporaryFolder();
        folder.Write("a/file", "content");
        other.Write("a/file", "content");
        File.SetLastWriteTimeUtc(other.At("a/file"), DateTime.UnixEpoch);
        string Key(TemporaryFolder place) => new StageKey("test").AddDirectory("files", place.Path).ToKey();
        var before = Key(folder);
        Assert.Equal(before, Key(other));

        File.SetUnixFileMode(other.At("a/file"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.NotEqual(before, Key(other));

        other.Write("a/extra", "");
        folder.Write("a/file", "contents");
        Assert.NotEqual(before, Key(folder));
    }

    [Fact]
    public void Neighbouring_values_cannot_run_into_each_other() =>
        Assert.NotEqual(new StageKey("r").Add("a", "bc").Add("d", "e").ToKey(), new StageKey("r").Add("a", "b").Add("cd", "e").ToKey());

    public void Dispose() => folder.Dispose();
}
