namespace VirtuaLinux.Host;

/// <summary>Runs external programs. The one way in which the product does so, so that every call can be logged, listed or faked.</summary>
public interface ICommandRunner
{
    /// <summary>Runs the command to its end.</summary>
    /// <exception cref="ExternalCommandException">It could not be started, timed out, or ended with an exit code that the command does not accept.</exception>
    Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default);
}

/// <summary>What a program left: exit code, standard output and standard error.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error);
