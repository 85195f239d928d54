namespace VirtuaLinux.Lab;

/// <summary>Where a lab keeps what.</summary>
internal static class LabPaths
{
    /// <summary>Sockets and locks: paths of UNIX sockets end at 107 bytes (unix(7)), a state directory may be longer.</summary>
    public const string RunDirectory = "/run/virtualinux-lab";

    public static string RunOf(LabOptions options) => Path.Combine(RunDirectory, options.Name);

    public static string BladeDirectory(LabOptions options, string blade) => Path.Combine(options.StateDirectory, "blades", blade);

    public static string ConsoleLog(LabOptions options, string blade) => Path.Combine(BladeDirectory(options, blade), "console.log");

    public static string ConsoleSocket(LabOptions options, string blade) => Path.Combine(RunOf(options), $"{blade}.console");

    public static string QmpSocket(LabOptions options, string blade) => Path.Combine(RunOf(options), $"{blade}.qmp");
}
