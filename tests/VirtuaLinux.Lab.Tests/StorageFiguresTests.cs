using VirtuaLinux.Lab.Bench;

namespace VirtuaLinux.Lab.Tests;

public sealed class StorageFiguresTests
{
    private static BenchRow Row(string load, params (string Device, double Value)[] values) =>
        StorageFigures.Rows([.. values.Select(v => new StorageFigure(v.Device, load, v.Value))])[0];

    [Fact]
    public void A_figure_survives_the_console()
    {
        Assert.True(StorageFigure.TryParse(new StorageFigure("snapshot-64", "random-write-first", 2.125) + "\r", out var figure));
        Assert.Equal(new StorageFigure("snapshot-64", "random-write-first", 2.125), figure);
    }

    [Theory]
    [InlineData("storage-bench done")]
    [InlineData("storage-bench root random-write-first fast")]
    [InlineData("storage-bench root random-write-first 1.0 2.0")]
    [InlineData("[    4.2] storage-bench root random-write-first 1.0")]
    public void Another_line_of_the_console_is_no_figure(string line) => Assert.False(StorageFigure.TryParse(line, out _));

    [Theory]
    [InlineData(80, 8.0 / 10, true)]
    [InlineData(79, 7.9 / 10, false)]
    public void The_first_touch_of_an_existing_file_may_cost_a_fifth(double root, double ratio, bool met)
    {
        var row = Row("sequential-write-first", ("raw", 100), ("plain", 99), ("root", root), ("snapshot-4", 8));
        Assert.Equal(ratio, row.Ratio!.Value, 6);
        Assert.Equal(met, row.IsMet);
        Assert.Equal("0.8 × raw", row.Goal);
    }

    [Theory]
    [InlineData(2.0, true)]
    [InlineData(2.1, false)]
    public void A_root_with_many_changes_has_two_seconds_to_be_mapped(double seconds, bool met)
    {
        var row = Row("map-changed-time", ("root", seconds));
        Assert.Equal(("s", "at most 2 s", met), (row.Unit, row.Goal, row.IsMet));
    }

    [Theory]
    [InlineData("create-50-time", "at most 10 s", 10, 10.1)]
    [InlineData("create-50-written", "at most 1 MB", 0.9, 1.1)]
    [InlineData("create-1000-time", "at most 60 s", 60, 60.1)]
    [InlineData("create-1000-ratio", "at most 2.5", 2.5, 2.6)]
    public void Roots_are_made_in_a_time_and_with_a_space_that_grow_with_their_number_only(string load, string goal, double met, double missed)
    {
        Assert.Equal((goal, true), (Row(load, ("root", met)).Goal, Row(load, ("root", met)).IsMet));
        Assert.Equal((goal, false), (Row(load, ("root", missed)).Goal, Row(load, ("root", missed)).IsMet));
    }

    [Fact]
    public void A_slow_plain_volume_misses_the_goal_as_a_slow_root_does() =>
        Assert.False(Row("sequential-read-fresh", ("raw", 100), ("plain", 80), ("root", 100)).IsMet);

    [Fact]
    public void The_median_of_the_rounds_counts()
    {
        Assert.Equal(3, Row("bonnie-read", ("raw", 9), ("raw", 1), ("raw", 3)).Values["raw"]);
        Assert.Equal(2, Row("bonnie-read", ("raw", 3), ("raw", 1)).Values["raw"]);
    }

    [Fact]
    public void Without_the_bare_LUN_there_is_no_verdict()
    {
        var row = Row("sequential-read-fresh", ("root", 100));
        Assert.Null(row.Ratio);
        Assert.Null(row.IsMet);
    }

    [Fact]
    public void A_value_is_told_with_its_part_of_the_bare_LUN()
    {
        var row = Row("sequential-read-fresh", ("raw", 100), ("root", 85));
        Assert.Equal("85.0 (0.85)", row.TextOf("root"));
        Assert.Equal("100", row.TextOf("raw"));
        Assert.Equal("", row.TextOf("snapshot-4"));
    }

    [Fact]
    public void The_figures_of_2007_stand_beside_those_of_bonnie()
    {
        var rows = StorageFigures.Rows([new StorageFigure("raw", "bonnie-write", 30), new StorageFigure("root", "bonnie-write", 29)]);
        Assert.Equal(["bonnie++ block write, files that are new", "2007: bonnie++ block write, files that are new", "2007: block write, files that exist on the origin"], rows.Select(r => r.Measure));
        Assert.Equal("7.0 (0.08)", rows[2].TextOf("snapshot 2007"));
    }
}
