using System.CommandLine;
using VirtuaLinux.Node;

namespace VirtuaLinux.Cli.Commands;

internal static class MetamasterCommand
{
    public static Command Create()
    {
        var command = new Command("metamaster", "Install a site from the installer image; what that image runs by itself.");
        command.SetAction((_, cancellation) => InitrdCommand.RunAsync(new BootParameters { Mode = BootMode.Metamaster }, cancellation));
        return command;
    }
}
