namespace VirtuaLinux.Storage.Tests;

public sealed class PathCheckerTests : IDisposable
{
    private readonly string _blocks = Directory.CreateTempSubdirectory().FullName;
    private readonly List<string> _sent = [], _said = [];
    private bool _ready = true;
    private int _asked;

    public PathCheckerTests()
    {
        Write("dm-0/dm/uuid", "mpath-360ab\n");
        Write("dm-0/dm/name", "360ab\n");
        Write("dm-1/dm/uuid", "LVM-abc\n");
        foreach (var (path, number) in ((string, string)[])[("sdc", "8:32\n"), ("sdd", "8:48\n")])
        {
            Write($"{path}/dev", number);
            Write($"{path}/device/state", "running\n");
            Directory.CreateDirectory(At($"{path}/holders/dm-0"));
            Directory.CreateDirectory(At($"dm-0/slaves/{path}"));
        }
        Directory.CreateDirectory(At("dm-1/slaves/dm-0"));
    }

    public void Dispose() => Directory.Delete(_blocks, recursive: true);

    private string At(string file) => Path.Combine(_blocks, file);

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(file))!);
        File.WriteAllText(At(file), text);
    }

    private PathChecker Checker => new(_blocks, _ => _asked++ >= 0 && _ready, (device, message) => { _sent.Add($"{device} {message}"); return true; }, _said.Add);

    [Fact]
    public void Only_paths_of_multipath_devices_are_looked_after() => Assert.Equal([("dm-0", "sdc"), ("dm-0", "sdd")], Checker.Paths().Order());

    [Fact]
    public void A_path_that_serves_is_given_to_the_kernel_and_one_that_does_not_is_left_alone_until_it_does()
    {
        var look = Checker.Look("dm-0", "sdd");
        Assert.True(look());
        Assert.Equal(["360ab reinstate_path 8:48"], _sent);
        Assert.Empty(_said);

        _ready = false;
        Assert.True(look());
        Assert.True(look());
        Assert.Single(_sent);
        Assert.Equal(["sdd: the SAN does not answer over this path"], _said);

        _ready = true;
        Assert.True(look());
        Assert.Equal(2, _sent.Count);
        Assert.Equal("sdd: the SAN is reached over this path again", _said[^1]);
    }

    [Theory]
    [InlineData("blocked")]
    [InlineData("transport-offline")]
    public void A_disk_that_would_keep_a_question_is_not_asked(string state)
    {
        Write("sdc/device/state", state);
        Assert.True(Checker.Look("dm-0", "sdc")());
        Assert.Equal(0, _asked);
        Assert.Empty(_sent);
    }

    [Fact]
    public void A_disk_that_is_no_path_any_more_is_let_go()
    {
        var look = Checker.Look("dm-0", "sdc");
        Directory.Delete(At("sdc"), recursive: true);
        Assert.False(look());
    }
}
