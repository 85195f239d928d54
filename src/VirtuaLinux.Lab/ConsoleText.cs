using System.Text;
using System.Text.RegularExpressions;

namespace VirtuaLinux.Lab;

/// <summary>What a person would have read on a console: its log without terminal control sequences.</summary>
public static partial class ConsoleText
{
    /// <summary>Drops escape sequences (ECMA-48) and carriage returns.</summary>
    public static string Clean(ReadOnlySpan<byte> log) => Sequence().Replace(Encoding.UTF8.GetString(log), "").Replace("\r", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])")]
    private static partial Regex Sequence();
}
