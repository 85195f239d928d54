using System.Globalization;

namespace VirtuaLinux.EndToEnd;

/// <summary>Randomness of long tests: <c>VIRTUALINUX_SEED</c> repeats the choices of a run, <c>VIRTUALINUX_FAULTS</c> makes it shorter or longer.</summary>
internal static class Chance
{
    /// <summary>A generator; its seed is printed.</summary>
    public static Random Create() => new(Seed());

    /// <summary>The seed, which is printed.</summary>
    public static int Seed()
    {
        var seed = Number("VIRTUALINUX_SEED") ?? Random.Shared.Next();
        Console.Error.WriteLine($"VIRTUALINUX_SEED={seed.ToString(CultureInfo.InvariantCulture)} makes these choices again");
        return seed;
    }

    /// <summary>How many faults a test lets happen.</summary>
    public static int Faults(int usual) => Number("VIRTUALINUX_FAULTS") ?? usual;

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : null;
}
