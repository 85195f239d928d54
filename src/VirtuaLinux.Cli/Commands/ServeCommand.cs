using System.CommandLine;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;

namespace VirtuaLinux.Cli.Commands;

internal static class ServeCommand
{
    public static Command Create()
    {
        var site = new Option<string>("--site") { Description = "site file with name, networks and nodes", Required = true };
        var root = new Option<string>("--root") { Description = "folder that TFTP and HTTP export", Required = true };
        var interfaces = new Option<string[]>("--interface") { Description = "interface to serve on; all with an address of the site unless given" };
        var port = new Option<int>("--http-port") { Description = "port of HTTP", DefaultValueFactory = _ => 80 };
        var command = new Command("serve", "Serve DHCP, TFTP and HTTP boot in the foreground, until SIGTERM.") { site, root, interfaces, port };
        command.SetAction(async (parsed, cancellation) =>
        {
            if (SiteInput.Load(parsed.GetValue(site)!, SiteParts.None) is not { } loaded) return ExitCode.WrongUsage;
            var manifest = Manifest.Compile(loaded, Guid.Empty, 0, new ImageVersion(loaded.Image.Length > 0 ? loaded.Image : "none", "0"), "");
            await using var server = new BootServer(new BootServerOptions
            {
                Manifest = new ManifestSource(manifest),
                Endpoints = BootEndpoint.Discover(manifest, parsed.GetValue(interfaces) ?? []),
                ExportDirectory = parsed.GetValue(root)!,
                HttpPort = parsed.GetValue(port),
                Log = Console.Error.WriteLine,
            });
            await server.StartAsync(cancellation);
            ServiceNotify.Send("READY=1");
            Console.Error.WriteLine($"ready: {loaded.Nodes.Count} nodes of site '{loaded.Name}'");
            await Forever(cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Waits for SIGTERM or Ctrl-C: the normal end of a server.</summary>
    public static async Task Forever(CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("stopped");
        }
    }
}
