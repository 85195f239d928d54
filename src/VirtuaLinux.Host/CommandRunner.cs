using System.ComponentModel;
using System.Text;
using CliWrap;

namespace VirtuaLinux.Host;

/// <summary>Runs programs through CliWrap and logs each command line before it starts.</summary>
public sealed class CommandRunner(Action<string>? log = null) : ICommandRunner
{
    /// <inheritdoc/>
    public async Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        log?.Invoke(command.ToString());
        var output = new StringBuilder();
        var error = new StringBuilder();
        // Both pipes are read at the same time; who gets the lines need not know.
        var gate = new Lock();
        Action<string>? onLine = command.OnLine is { } each ? line => { lock (gate) each(line); } : null;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(command.Timeout);
        var call = Cli.Wrap(command.Program)
            .WithArguments(command.Arguments)
            .WithEnvironmentVariables(command.Environment)
            .WithValidation(CommandResultValidation.None)
            .WithStandardOutputPipe(command.OutputStream is { } stream ? PipeTarget.ToStream(stream) : Pipe(output, onLine))
            .WithStandardErrorPipe(Pipe(error, onLine));
        if (command.WorkingDirectory is { } directory) call = call.WithWorkingDirectory(directory);
        if (command.Input is { } input) call = call.WithStandardInputPipe(PipeSource.FromString(input));
        if (command.InputStream is { } source) call = call.WithStandardInputPipe(PipeSource.FromStream(source));
        try
        {
            var result = await call.ExecuteAsync(timeout.Token).ConfigureAwait(false);
            if (command.AcceptedExitCodes.Count > 0 && !command.AcceptedExitCodes.Contains(result.ExitCode))
                throw new ExternalCommandException(command, result.ExitCode, error.Length > 0 ? error.ToString() : output.ToString());
            return new CommandResult(result.ExitCode, output.ToString(), error.ToString());
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ExternalCommandException(command, null, $"{error}\nkilled after {command.Timeout.TotalSeconds:0} s", e);
        }
        catch (Win32Exception e)
        {
            throw new ExternalCommandException(command, null, e.Message, e);
        }
    }

    private static PipeTarget Pipe(StringBuilder text, Action<string>? onLine) =>
        onLine is null ? PipeTarget.ToStringBuilder(text) : PipeTarget.Merge(PipeTarget.ToStringBuilder(text), PipeTarget.ToDelegate(onLine));
}
