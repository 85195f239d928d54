using System.Globalization;

namespace VirtuaLinux.Lab.Bench;

/// <summary>What a blade measured on the SAN, as it prints it on its console: a line for each value.</summary>
/// <param name="Device">Such as <c>raw</c>, <c>root</c> or <c>snapshot-64</c>.</param>
/// <param name="Load">Such as <c>random-write-first</c>.</param>
/// <param name="Value">MB/s (10⁶ bytes).</param>
public readonly record struct StorageFigure(string Device, string Load, double Value)
{
    /// <summary>What each line starts with.</summary>
    public const string Prefix = "storage-bench";

    /// <summary>The line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix} {Device} {Load} {Value:0.000}");

    /// <summary>Reads a line.</summary>
    /// <returns>False for a line of another kind.</returns>
    public static bool TryParse(string line, out StorageFigure figure)
    {
        ArgumentNullException.ThrowIfNull(line);
        figure = default;
        if (line.TrimEnd().Split(' ') is not [Prefix, var device, var load, var number] || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)) return false;
        figure = new StorageFigure(device, load, value);
        return true;
    }
}
