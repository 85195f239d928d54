using System.Xml.Linq;
using VirtuaLinux.Lab.Bench;

namespace VirtuaLinux.Lab.Tests;

public sealed class BenchChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void Every_server_has_a_bar_as_long_as_its_value_and_ours_stands_out()
    {
        var row = new BenchRow { Measure = "TFTP, <one> stream", Unit = "MB/s", Values = new Dictionary<string, double> { ["virtualinux"] = 40, ["peer"] = 10 }, Ratio = 4, Goal = "2 × peer", IsMet = true };
        var report = new BenchReport { Time = DateTimeOffset.UnixEpoch, Machine = "2 processors", Rows = [row], Notes = [] };
        var chart = XDocument.Parse(BenchChart.Render(report, "Boot"));

        var bars = chart.Descendants(Svg + "rect").Skip(1).ToList(); // the first is the background
        Assert.Equal([520, 130], bars.Select(b => (double)b.Attribute("width")!));
        Assert.NotEqual(bars[0].Attribute("fill")!.Value, bars[1].Attribute("fill")!.Value);
        var texts = chart.Descendants(Svg + "text").Select(t => t.Value).ToList();
        Assert.Contains("TFTP, <one> stream [MB/s]   4.00 (2 × peer, met)", texts);
        Assert.Equal(["virtualinux", "40.0", "peer", "10.0"], texts[3..]);
    }
}
