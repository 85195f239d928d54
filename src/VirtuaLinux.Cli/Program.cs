using System.CommandLine;
using VirtuaLinux.Cli;
using VirtuaLinux.Cli.Commands;
using VirtuaLinux.Host;

var root = new RootCommand("VirtuaLinux: one installer image turns bare machines into a master-less, disk-less cluster.")
{
    BuildCommand.Create(),
    CheckCommand.Create(),
    ServeCommand.Create(),
    MetamasterCommand.Create(),
    InitrdCommand.Create(),
    NodeCommand.Create(),
    LabCommand.Create(),
};
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"virtualinux: {error.Message}");
    Console.Error.WriteLine($"virtualinux: see 'virtualinux {string.Join(' ', CommandPath(parsed.CommandResult))} --help'".Replace("  ", " ", StringComparison.Ordinal));
    return ExitCode.WrongUsage;
}
try
{
    // Long steps end when they end: a time-out on SIGTERM would cut an origin in half.
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (InvalidInputException e)
{
    Console.Error.WriteLine(e.Message);
    return ExitCode.WrongUsage;
}
catch (FailureException e)
{
    Console.Error.WriteLine($"virtualinux: FAILED: {e.Message}");
    return ExitCode.Failed;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("virtualinux: stopped");
    return ExitCode.Failed;
}

static IEnumerable<string> CommandPath(System.CommandLine.Parsing.CommandResult? result)
{
    var names = new Stack<string>();
    for (; result?.Parent is not null; result = result.Parent as System.CommandLine.Parsing.CommandResult) names.Push(result.Command.Name);
    return names;
}
