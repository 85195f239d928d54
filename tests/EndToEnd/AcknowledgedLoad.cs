using System.Globalization;
using System.Text.RegularExpressions;

namespace VirtuaLinux.EndToEnd;

/// <summary>What is written until the power is cut, as commands of a shell: each step is on disk before the console is told of it, and key and number of a step say what it writes.</summary>
/// <param name="step">What the console calls a step.</param>
/// <param name="random">Where the key comes from.</param>
public abstract class AcknowledgedLoad(string step, Random random)
{
    /// <summary>How many steps show that it is well under way.</summary>
    public virtual int Some => 5;

    /// <summary>16 bytes in hexadecimal digits.</summary>
    protected string Key { get; } = NewKey(random);

    /// <summary>Writes into a folder for ever, from step 1 on, and tells a console of each.</summary>
    public abstract string Write(string folder, string console);

    /// <summary>Fails, and says why, unless all steps are in the folder up to the last one that the console was told of.</summary>
    public abstract string Check(string folder, int acknowledged);

    /// <summary>The last step that a console was told of.</summary>
    public int Acknowledged(string console) =>
        Regex.Matches(console, $@"<{step} (\d+)>").Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();

    private static string NewKey(Random random)
    {
        var key = new byte[16];
        random.NextBytes(key);
        return Convert.ToHexStringLower(key);
    }
}
