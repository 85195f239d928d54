using System.Globalization;

namespace VirtuaLinux.EndToEnd;

/// <summary>The seed of a soak's round: <c>VIRTUALINUX_SEED</c> repeats one.</summary>
internal static class Chance
{
    /// <summary>A generator whose seed is printed.</summary>
    public static Random Create(string what)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("VIRTUALINUX_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next();
        Console.Error.WriteLine($"{what}: repeat it with VIRTUALINUX_SEED={seed}");
        return new Random(seed);
    }
}
