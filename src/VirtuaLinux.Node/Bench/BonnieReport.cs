using System.Globalization;

namespace VirtuaLinux.Node.Bench;

/// <summary>The line that <c>bonnie++ -q</c> prints (bon_csv2txt(1), format 1.98).</summary>
/// <param name="Write">Block write, in bytes a second.</param>
/// <param name="Rewrite">Block rewrite, in bytes a second.</param>
/// <param name="Read">Block read, in bytes a second.</param>
public readonly record struct BonnieReport(double Write, double Rewrite, double Read)
{
    private const int WriteField = 11, RewriteField = 13, ReadField = 17;

    /// <summary>Reads the line.</summary>
    /// <returns>False with a reason: not that format, or a test that was too short to be timed (<c>+++++</c>).</returns>
    public static bool TryParse(string line, out BonnieReport report, out string reason)
    {
        ArgumentNullException.ThrowIfNull(line);
        report = default;
        var fields = line.Trim().Split(',');
        if (fields.Length <= ReadField || fields[0] != "1.98")
        {
            reason = $"no line of format 1.98: {line.Trim()}";
            return false;
        }
        Span<double> speeds = stackalloc double[3];
        foreach (var (index, field) in ((int[])[WriteField, RewriteField, ReadField]).Index())
        {
            if (!double.TryParse(fields[field], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var kibibytes))
            {
                reason = fields[field].StartsWith('+') ? "a test was too short to be timed: use a larger file" : $"field {field + 1} is '{fields[field]}' and no number";
                return false;
            }
            speeds[index] = kibibytes * 1024;
        }
        report = new BonnieReport(speeds[0], speeds[1], speeds[2]);
        reason = "";
        return true;
    }
}
