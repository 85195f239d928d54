namespace VirtuaLinux.Node.Tests;

public sealed class FillWatchTests : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddYears(50);

    private readonly string _local = Directory.CreateTempSubdirectory("virtualinux-fill-").FullName;

    private string FilePath => Path.Combine(_local, "virtualinux", "fill.json");

    public void Dispose() => Directory.Delete(_local, recursive: true);

    [Fact]
    public void A_restart_goes_on_with_what_was_measured_of_each_volume()
    {
        var watch = new FillWatch(_local);
        for (var minute = 0; minute < 120; minute++) Assert.Equal(minute < 60, watch.Note("store", Start.AddMinutes(minute), minute) is null);
        watch.Note("local", Start.AddMinutes(119), 7);

        var again = new FillWatch(_local);
        Assert.Equal(24 * 60, again.Note("store", Start.AddMinutes(121), 121)!.Value, 1e-6);
        Assert.Null(again.Note("local", Start.AddMinutes(121), 8));
        Assert.InRange(new FileInfo(FilePath).Length, 1, 2048);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{ \"store\": 7 }")]
    [InlineData("null")]
    public void A_file_that_is_half_written_or_of_another_release_begins_anew(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        File.WriteAllText(FilePath, content);
        var watch = new FillWatch(_local);
        Assert.Null(watch.Note("store", Start, 1));
        Assert.NotNull(watch.Note("store", Start.AddHours(1), 2));
        Assert.NotNull(new FillWatch(_local).Note("store", Start.AddHours(1), 2));
    }

    [Fact]
    public void Where_nothing_can_be_written_it_counts_in_memory()
    {
        File.WriteAllText(Path.GetDirectoryName(FilePath)!, "no folder");
        var watch = new FillWatch(_local);
        watch.Note("store", Start, 1);
        Assert.NotNull(watch.Note("store", Start.AddHours(1), 2));
    }
}
