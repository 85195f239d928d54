using System.CommandLine;
using System.Text.Json;
using VirtuaLinux.Model;
using VirtuaLinux.Node;

namespace VirtuaLinux.Cli.Commands;

internal static class NodeCommand
{
    public static Command Create() => new("node", "This node.") { Status(), Serve() };

    private static Command Status()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("status", "Show how this node runs.") { json };
        command.SetAction(parsed =>
        {
            var status = NodeService.Status();
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(status, ModelJson.Default.NodeStatus));
                return ExitCode.Done;
            }
            Console.WriteLine($"{status.Name}: {status.State}, {status.Role}");
            Console.WriteLine($"booted from {status.BootedFrom} ({status.Firmware}), root mounted after {status.RootMountedAfter:0.0} s, up {status.Uptime:0} s");
            Console.WriteLine($"root {status.RootVolume}, image {status.ImageVersion}, manifest {status.ManifestSerial}");
            if (status.Origin is { } origin) Console.WriteLine($"origin {origin.ToString().ToLowerInvariant()}{(origin == OriginState.Corrupt ? ": a block that was read from the SAN is not what was written; journalctl -k names it" : "")}");
            if (status.HostKey is { } key) Console.WriteLine($"SSH host key {key}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Serve()
    {
        var command = new Command("serve", "Serve boot for the other nodes; the unit virtualinux-serve.service runs this.");
        command.SetAction(async (_, cancellation) =>
        {
            await NodeService.RunAsync(Console.Error.WriteLine, cancellation);
            return ExitCode.Done;
        });
        return command;
    }
}
