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

    /// <summary>A person is at a metamaster: the message stays until it was read. After a blackout nobody is there, and the SAN may only be slow.</summary>
    private static async Task LetReadAsync(InstallConsole console, CancellationToken cancellation)
    {
        try
        {
            await console.AskAsync("Press Enter to start again; it does so by itself in five minutes.", cancellation).WaitAsync(TimeSpan.FromMinutes(5), cancellation);
        }
        catch (Exception e) when (e is TimeoutException or FailureException)
        {
            console.Log(e.Message);
        }
    }

    public static async Task<int> RunAsync(BootParameters parameters, CancellationToken cancellation)
    {
        using var console = new InstallConsole();
        var runner = new CommandRunner(console.Log);
        try
        {
            if (parameters.Mode == BootMode.Starter)
            {
                await new StarterBoot(runner, console.Say).RunAsync(cancellation);
                return ExitCode.Done;
            }
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
        catch (Exception e) when (e is not OperationCanceledException)
        {
            console.Say($"virtualinux: FAILED: {e.Message}");
            if (e is not FailureException) console.Say(e.ToString());
            console.Say("");
            if (parameters.Mode == BootMode.Metamaster) await LetReadAsync(console, cancellation);
            return ExitCode.Failed;
        }
    }
}
