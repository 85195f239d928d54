using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Tests;

/// <summary>Two builds are held against each other file by file.</summary>
public sealed class RebuildTests : IDisposable
{
    private const long Epoch = 1_700_000_000;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Whatever_differs_is_named_with_how()
    {
        foreach (var build in (string[])["one", "other"])
        {
            folder.Write($"{build}/same", "same");
            folder.Write($"{build}/content", new string('a', 70_000) + (build == "one" ? "b" : "c"));
            folder.Write($"{build}/length", build);
            File.SetUnixFileMode(folder.Write($"{build}/mode", ""), build == "one" ? (UnixFileMode)0b110_100_100 : (UnixFileMode)0b110_000_000);
            File.CreateSymbolicLink(folder.At($"{build}/link"), build);
            File.SetLastWriteTimeUtc(folder.Write($"{build}/old date", ""), DateTime.UnixEpoch.AddSeconds(Epoch - (build == "one" ? 1 : 5)));
            File.SetLastWriteTimeUtc(folder.Write($"{build}/new date", ""), DateTime.UnixEpoch.AddSeconds(Epoch + (build == "one" ? 1 : 5)));
        }
        folder.Write("one/kind", "");
        Directory.CreateDirectory(folder.At("other/kind"));
        folder.Write("one/first", "");
        folder.Write("other/sub/second\twith a tab", "");

        var differences = await new Rebuild(new() { ImageName = "", OutputDirectory = "", CacheDirectory = "", ProgramPath = "" }, new CommandRunner()).DifferencesAsync(folder.At("one"), folder.At("other"), Epoch);

        Assert.Equal(
        [
            "content: another byte at 70000",
            "first: only in the first build",
            "kind: type f, and type d in the second build",
            "length: 3 bytes, and 5 bytes in the second build",
            "link: link to one, and link to other in the second build",
            "mode: mode 644, and mode 600 in the second build",
            $"old date: date {Epoch - 1}, and date {Epoch - 5} in the second build",
            "sub: only in the second build",
            "sub/second\twith a tab: only in the second build",
        ], differences);
    }
}
