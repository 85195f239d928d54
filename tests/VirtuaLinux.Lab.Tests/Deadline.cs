namespace VirtuaLinux.Lab.Tests;

/// <summary>Deadlines are generous: they end a test that hangs, they measure nothing.</summary>
internal static class Deadline
{
    public static readonly TimeSpan Firmware = TimeSpan.FromMinutes(3);
}
