namespace VirtuaLinux.Host;

/// <summary>A program failed; the message shows its command line, exit code and last lines of standard error.</summary>
public sealed class ExternalCommandException(ExternalCommand command, int? exitCode, string error, Exception? inner = null)
    : FailureException($"{command}: {(exitCode is { } code ? $"exit code {code}" : "not run to its end")}: {LastLines(command.Hide(error))}", inner)
{
    /// <summary>The command.</summary>
    public ExternalCommand Command { get; } = command;

    /// <summary>Its exit code; null when it did not start or was killed.</summary>
    public int? ExitCode { get; } = exitCode;

    private static string LastLines(string error) => string.Join(" | ", error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(8));
}
