namespace VirtuaLinux.Cli;

/// <summary>Exit codes: DESIGN section 9.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;
}
