using System.CommandLine;
using VirtuaLinux.Host;
using VirtuaLinux.Install;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Cli.Commands;

/// <summary>What /init of the initrd runs; exit code 0 means that /sysroot is ready for switch_root(8).</summary>
internal static class InitrdCommand
{
    public static Command Create()
    {
        var command = new Command("initrd", "Do the initrd's work, as the kernel's command line says.") { Hidden = true };
        command.SetAction((_, cancellation) => RunAsync(BootParameters.Parse(KernelArguments.OfThisMachine()), cancellation));
        return command;
    }

    public static async Task<int> RunAsync(BootParameters parameters, CancellationToken cancellation)
    {
        using var console = new InstallConsole();
        var runner = new CommandRunner(console.Log);
        try
        {
            if (parameters.Mode != BootMode.Metamaster)
            {
                await new NodeBoot(runner, console.Say).RunAsync(parameters, cancellation);
                return ExitCode.Done;
            }
            if (await new Metamaster(runner, console).RunAsync(cancellation) == MetamasterOutcome.Node) return ExitCode.Done;
            await runner.RunAsync(ExternalCommand.Of("reboot", "-f"), cancellation);
            await Task.Delay(Timeout.Infinite, cancellation);
            return ExitCode.Done;
        }
        catch (FailureException e)
        {
            console.Say($"virtualinux: FAILED: {e.Message}");
            console.Say("");
            // A person is at a metamaster: the message must stay on the screen until it was read.
            if (parameters.Mode == BootMode.Metamaster) await console.AskAsync("Press Enter to start again.", cancellation);
            return ExitCode.Failed;
        }
    }
}
