using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Bench;

/// <summary>A report as a bar chart (SVG 1.1): one bar for each server or device, the longest of a measurement fills the width.</summary>
public static class BenchChart
{
    private const string Template = "templates/bench/chart.svg.sbn";
    private const int RowHeight = 22, Top = 60;

    /// <summary>Renders the chart.</summary>
    public static string Render(BenchReport report, string title)
    {
        ArgumentNullException.ThrowIfNull(report);
        List<object?> bars = [];
        var y = Top;
        foreach (var row in report.Rows)
        {
            var verdict = row.Ratio is { } ratio ? string.Create(CultureInfo.InvariantCulture, $"   {ratio:0.00} ({row.Goal}{(row.IsMet is { } met ? met ? ", met" : ", NOT met" : "")})") : "";
            bars.Add(Bar(y, heading: $"{row.Measure} [{row.Unit}]{verdict}"));
            y += RowHeight;
            var longest = row.Values.Values.DefaultIfEmpty(0).Max();
            foreach (var (name, value) in row.Values)
            {
                bars.Add(Bar(y, name, longest > 0 ? value / longest : 0, row.TextOf(name), name is "virtualinux" or StorageFigures.Root));
                y += RowHeight;
            }
            y += RowHeight / 2;
        }
        var template = ProductFiles.Locate(Template);
        return TemplateRenderer.Render(template, File.ReadAllText(template), new Dictionary<string, object?> { ["title"] = title, ["machine"] = $"{report.Machine}, {report.Time:yyyy-MM-dd}", ["height"] = y + RowHeight, ["bars"] = bars });
    }

    private static Dictionary<string, object?> Bar(int y, string name = "", double length = 0, string text = "", bool own = false, string heading = "") =>
        new() { ["y"] = y, ["name"] = name, ["length"] = length, ["text"] = text, ["own"] = own, ["heading"] = heading };
}
