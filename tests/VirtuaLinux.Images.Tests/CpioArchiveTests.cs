using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;

namespace VirtuaLinux.Images.Tests;

public sealed class CpioArchiveTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly CommandRunner runner = new();

    [Fact]
    public async Task The_real_cpio_lists_what_was_put_in_sorted_with_folders_first()
    {
        var archive = Write(new CpioArchive(1_700_000_000)
            .AddFile("usr/bin/tool", "x"u8.ToArray(), executable: true)
            .AddLink("bin", "usr/bin")
            .AddCharacterDevice("dev/console", 5, 1)
            .AddFile("init", "#!/bin/sh\n"u8.ToArray(), executable: true)
            .AddDirectory("sysroot"));

        var listing = await runner.RunAsync(ExternalCommand.Of("cpio", "--list", "--quiet", "-F", archive));

        Assert.Equal(["bin", "dev", "dev/console", "init", "sysroot", "usr", "usr/bin", "usr/bin/tool"], listing.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task The_real_cpio_sees_root_as_owner_and_the_modes_and_date_that_were_asked_for()
    {
        var archive = Write(new CpioArchive(0).AddFile("a", new byte[3]).AddFile("b", new byte[5], executable: true).AddLink("c", "a").AddCharacterDevice("d", 5, 1));

        var listing = await runner.RunAsync(ExternalCommand.Of("cpio", "--list", "--verbose", "--numeric-uid-gid", "--quiet", "-F", archive).WithEnvironment("TZ", "UTC").WithEnvironment("LC_ALL", "C"));

        var lines = listing.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^-rw-r--r--\s+1 0\s+0\s+3 Jan  1  1970 a$", lines[0]);
        Assert.Matches(@"^-rwxr-xr-x\s+1 0\s+0\s+5 Jan  1  1970 b$", lines[1]);
        Assert.Matches(@"^lrwxrwxrwx .* c -> a$", lines[2]);
        Assert.Matches(@"^crw------- .* 5,\s+1 .* d$", lines[3]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(100_001)]
    public async Task The_real_cpio_extracts_files_of_any_length_unchanged(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        var archive = Write(new CpioArchive(1).AddFile("first", content).AddFile("second/after", content));

        await runner.RunAsync(ExternalCommand.Of("cpio", "--extract", "--quiet", "-F", archive).WithWorkingDirectory(folder.Path));

        Assert.Equal(content, await File.ReadAllBytesAsync(folder.At("first")));
        Assert.Equal(content, await File.ReadAllBytesAsync(folder.At("second/after")));
    }

    [Fact]
    public void Two_archives_of_the_same_content_are_the_same_bytes_whatever_the_order_and_dates_of_the_files()
    {
        var old = folder.Write("old", "content");
        File.SetLastWriteTimeUtc(old, DateTime.UnixEpoch);
        var young = folder.Write("young", "content");

        var one = Bytes(new CpioArchive(7).AddFileFrom("a/file", old, executable: false).AddLink("b", "a"));
        var other = Bytes(new CpioArchive(7).AddLink("b", "a").AddFileFrom("a/file", young, executable: false));

        Assert.Equal(one, other);
    }

    public void Dispose() => folder.Dispose();

    private string Write(CpioArchive archive)
    {
        File.WriteAllBytes(folder.At("archive.cpio"), Bytes(archive));
        return folder.At("archive.cpio");
    }

    private static byte[] Bytes(CpioArchive archive)
    {
        using var stream = new MemoryStream();
        archive.WriteTo(stream);
        return stream.ToArray();
    }
}
