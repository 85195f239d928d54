using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Volumes in files, with the file systems that mke2fs(8) makes of them.</summary>
public sealed class FreshVolumeTests : IDisposable
{
    private const int Block = 4096;

    private readonly CommandRunner _runner = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-test-").FullName;

    private string Volume => Path.Combine(_folder, "local");

    private string Metadata => Path.Combine(_folder, "metadata");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(600)]
    public async Task A_volume_is_fresh_until_it_has_a_file_system_and_not_when_that_is_damaged_by_zeros(int mebibytes)
    {
        Create(Volume, (long)mebibytes << 20);
        FreshVolume.Write(Volume);
        Assert.True(FreshVolume.Is(Volume));
        await MakeFileSystemAsync();
        Assert.False(FreshVolume.Is(Volume));
        foreach (var size in (int[])[Block, 2 * Block, 64 << 10])
        {
            Zero(size);
            Assert.True(NodeVolumes.IsBlank(Volume));
            Assert.False(FreshVolume.Is(Volume));
        }
        // The shared volume is given to e2fsck then, which refuses without a decision; with one it finds the copy.
        var written = File.GetLastWriteTimeUtc(Volume);
        Assert.Equal(8, (await _runner.RunAsync(ExternalCommand.Of("e2fsck", "-p", Volume).Accepting())).ExitCode);
        Assert.Equal(written, File.GetLastWriteTimeUtc(Volume));
        Assert.Equal(1, (await _runner.RunAsync(ExternalCommand.Of("e2fsck", "-fy", Volume).Accepting())).ExitCode);
    }

    [Fact]
    public async Task A_volume_that_lies_where_an_older_one_was_is_fresh_and_to_an_earlier_release_as_well()
    {
        Create(Volume, 64 << 20);
        await MakeFileSystemAsync();
        FreshVolume.Write(Volume);
        Assert.True(FreshVolume.Is(Volume));
        Assert.True(NodeVolumes.IsBlank(Volume));
    }

    [Fact]
    public void Zeros_that_an_earlier_release_began_a_volume_with_are_fresh()
    {
        Create(Volume, 64 << 20);
        Assert.True(FreshVolume.Is(Volume));
    }

    [Fact]
    public async Task The_local_volume_of_a_node_that_has_roots_or_a_file_system_is_refused_and_nothing_is_written()
    {
        Create(Volume, 64 << 20);
        Create(Metadata, 8 << 20);
        FreshVolume.Write(Volume);
        FreshVolume.Write(Metadata);
        FreshVolume.Require("node01", Volume, Metadata);

        using (var metadata = BlockDevice.Open(Metadata, writable: true)) metadata.Write(0, [1]);
        Refused("the node has roots");
        using (var metadata = BlockDevice.Open(Metadata, writable: true)) metadata.Write(0, [0]);
        await MakeFileSystemAsync();
        Zero(Block);
        Refused("a copy of a file system's superblock");
    }

    private void Refused(string reason)
    {
        var before = (File.GetLastWriteTimeUtc(Volume), File.GetLastWriteTimeUtc(Metadata));
        var message = Assert.Throws<FailureException>(() => FreshVolume.Require("node01", Volume, Metadata)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains("'virtualinux node reset node01 --with-local'", message, StringComparison.Ordinal);
        Assert.Equal(before, (File.GetLastWriteTimeUtc(Volume), File.GetLastWriteTimeUtc(Metadata)));
    }

    private Task<CommandResult> MakeFileSystemAsync() => _runner.RunAsync(ExternalCommand.Of("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", Volume));

    private static void Create(string path, long size)
    {
        using var file = File.Create(path);
        file.SetLength(size);
    }

    private void Zero(int bytes)
    {
        using var device = BlockDevice.Open(Volume, writable: true);
        device.Write(0, new byte[bytes]);
    }
}
