using System.CommandLine;
using System.Runtime.InteropServices;
using VirtuaLinux.Cli;
using VirtuaLinux.Cli.Commands;
using VirtuaLinux.Host;

var root = new RootCommand("VirtuaLinux: one installer image turns bare machines into a master-less, disk-less cluster.")
{
    BuildCommand.Create(),
    CheckCommand.Create(),
    DistroCommand.Create(),
    ServeCommand.Create(),
    MetamasterCommand.Create(),
    InitrdCommand.Create(),
    NodeCommand.Create(),
    ClusterCommand.Create(),
    StorageCommand.Create(),
    ImageCommand.Create(),
    SiteCommand.Create(),
    BackupCommand.Create(),
    LabCommand.Create(),
    BenchCommand.Create(),
};
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"virtualinux: {error.Message}");
    Console.Error.WriteLine($"virtualinux: see 'virtualinux {string.Join(' ', CommandPath(parsed.CommandResult))} --help'".Replace("  ", " ", StringComparison.Ordinal));
    return ExitCode.WrongUsage;
}
using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    // The library's own handling would end the process after a time-out, and cut a long step in half.
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token);
}
catch (InvalidInputException e)
{
    Console.Error.WriteLine(e.Message);
    return ExitCode.WrongUsage;
}
catch (Exception e) when (e is FailureException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"virtualinux: FAILED: {e.Message}");
    return ExitCode.Failed;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("virtualinux: stopped");
    return ExitCode.Failed;
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}

static IEnumerable<string> CommandPath(System.CommandLine.Parsing.CommandResult? result)
{
    var names = new Stack<string>();
    for (; result?.Parent is not null; result = result.Parent as System.CommandLine.Parsing.CommandResult) names.Push(result.Command.Name);
    return names;
}
