using VirtuaLinux.Host;
using VirtuaLinux.Node.Bench;

namespace VirtuaLinux.Node.Tests;

/// <summary>Reports of real runs, kept in <c>Captures/</c>.</summary>
public sealed class StorageLoadTests
{
    private static string Capture(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Captures", name));

    [Fact]
    public void Each_job_of_fio_has_its_speed() =>
        Assert.Equal([("sequential-write", 2396745142.0), ("random-write", 29537352.0)], FioReport.Parse(Capture("fio-touch.json")));

    [Fact]
    public void Warnings_of_fio_before_its_report_are_skipped() =>
        Assert.Equal(2, FioReport.Parse("fio: a warning\n" + Capture("fio-touch.json")).Count);

    [Fact]
    public void A_job_that_failed_is_named()
    {
        var report = Capture("fio-touch.json");
        var failed = report.Insert(report.LastIndexOf("\"error\" : 0", StringComparison.Ordinal), "\"error\" : 5, \"was\" : 0, ").Replace("\"was\" : 0, \"error\" : 0", "\"was\" : 0", StringComparison.Ordinal);
        Assert.Equal("fio: job random-write ended with error 5", Assert.Throws<FailureException>(() => FioReport.Parse(failed)).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("fio: cannot open file\n")]
    [InlineData("{}")]
    [InlineData("""{"jobs": [{"jobname": "x", "error": 0}]}""")]
    [InlineData("""{"jobs": 1}""")]
    [InlineData("""{"jobs": [{"jobname": "x", "error": 0, "read": {"bw_bytes": "fast"}, "write": {"bw_bytes": 1}}]}""")]
    public void What_is_no_report_of_fio_is_said_to_be_none(string output) =>
        Assert.StartsWith("fio's report cannot be read", Assert.Throws<FailureException>(() => FioReport.Parse(output)).Message, StringComparison.Ordinal);

    /// <summary>The captured line with a speed where the capture has none.</summary>
    [Fact]
    public void The_line_of_bonnie_gives_three_speeds()
    {
        Assert.True(BonnieReport.TryParse(Capture("bonnie-too-short.csv").Replace("+++++,+++", "41000,12", StringComparison.Ordinal), out var report, out _));
        Assert.Equal(new BonnieReport(35221 * 1024.0, 37047 * 1024.0, 41000 * 1024.0), report);
    }

    [Fact]
    public void A_test_that_bonnie_could_not_time_is_no_speed()
    {
        Assert.False(BonnieReport.TryParse(Capture("bonnie-too-short.csv"), out _, out var reason));
        Assert.Equal("a test was too short to be timed: use a larger file", reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1.98,2.00a,vm")]
    [InlineData("Can't open file ./Bonnie.1")]
    public void Another_line_is_not_of_bonnie(string line) => Assert.False(BonnieReport.TryParse(line, out _, out _));

    [Fact]
    public void A_device_is_read_from_its_name()
    {
        Assert.True(StorageDevice.TryParse("thin-128-nozero-ra1024", out var device, out _));
        Assert.Equal(new StorageDevice("thin-128-nozero-ra1024", StorageDeviceKind.Thin, 128, true, 1024), device);
        Assert.True(StorageDevice.TryParse("root", out var root, out _));
        Assert.Equal(new StorageDevice("root", StorageDeviceKind.Root, 0, false, null), root);
    }

    [Theory]
    [InlineData("disk", "'disk' is no device; write raw, plain, root, thin-128 or snapshot-64")]
    [InlineData("0", "'0' is no device; write raw, plain, root, thin-128 or snapshot-64")]
    [InlineData("thin", "'thin': write a block size that is a multiple of 64 KiB, such as thin-128")]
    [InlineData("thin-100", "'thin-100': write a block size that is a multiple of 64 KiB, such as thin-128")]
    [InlineData("snapshot-24", "'snapshot-24': write a chunk size that is a power of two from 4 KiB on, such as snapshot-64")]
    [InlineData("root-nozero", "'root-nozero': 'nozero' is unknown; write -ra1024 for a read-ahead of 1024 KiB, and -nozero behind a thin device")]
    public void What_is_no_device_is_answered_with_what_to_write(string text, string expected)
    {
        Assert.False(StorageDevice.TryParse(text, out _, out var reason));
        Assert.Equal(expected, reason);
    }
}
