using System.CommandLine;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.Cli.Commands;

internal static class ServeCommand
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var site = new Option<string>("--site") { Description = "site file with name, networks and nodes; a changed one is taken over while serving", Required = true };
        var root = new Option<string>("--root") { Description = "folder that TFTP and HTTP export", Required = true };
        var interfaces = new Option<string[]>("--interface") { Description = "interface to serve on; all with an address of the site unless given" };
        var port = new Option<int>("--http-port") { Description = "port of HTTP", DefaultValueFactory = _ => 80 };
        var servers = new Option<Ipv4Address[]>("--server") { Description = "address of each boot server that shares the work, this one included", CustomParser = Addresses };
        var proxy = new Option<bool>("--proxy") { Description = "add boot files to what another DHCP server answers (ProxyDHCP, also at port 4011)" };
        var discover = new Option<bool>("--discover") { Description = "lend addresses of the discovery range to machines that are not in the site, and hold them" };
        var certificate = new Option<string?>("--certificate") { Description = "PEM file with the certificate for HTTPS, and its key unless --key has it" };
        var key = new Option<string?>("--key") { Description = "PEM file with the certificate's key" };
        var securePort = new Option<int>("--https-port") { Description = "port of HTTPS", DefaultValueFactory = _ => 443 };
        var portForEach = new Option<bool>("--tftp-port-per-transfer") { Description = "send each TFTP transfer from a port of its own instead of all from port 69" };
        var command = new Command("serve", "Serve DHCP, TFTP and HTTP boot in the foreground, until SIGTERM.") { site, root, interfaces, port, servers, proxy, discover, certificate, key, securePort, portForEach };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = parsed.GetValue(site)!;
            var written = File.GetLastWriteTimeUtc(file);
            if (SiteInput.Load(file, SiteParts.None) is not { } loaded) return ExitCode.WrongUsage;
            if (parsed.GetValue(discover) && loaded.ClusterNetwork.Discovery is null) throw new FailureException($"{file}: --discover needs a range of addresses; write networks.cluster.discovery, such as 192.168.77.200-192.168.77.250");
            var source = new ManifestSource(Compile(loaded, 0));
            using var tls = parsed.GetValue(certificate) is { } pem ? LoadCertificate(pem, parsed.GetValue(key)) : null;
            var all = parsed.GetValue(servers);
            await using var server = new BootServer(new BootServerOptions
            {
                Manifest = source,
                Endpoints = BootEndpoint.Discover(source.Current, parsed.GetValue(interfaces) ?? []),
                ExportDirectory = parsed.GetValue(root)!,
                HttpPort = parsed.GetValue(port),
                HttpsPort = parsed.GetValue(securePort),
                Certificate = tls,
                Servers = all is { Length: > 0 } ? _ => all : null,
                IsProxy = parsed.GetValue(proxy),
                Discovery = parsed.GetValue(discover) ? new DiscoveryPool(loaded.ClusterNetwork.Discovery!.Value) : null,
                TftpPortForEach = parsed.GetValue(portForEach),
                Log = Console.Error.WriteLine,
            });
            await server.StartAsync(cancellation);
            ServiceNotify.Send("READY=1");
            Console.Error.WriteLine($"ready: {loaded.Nodes.Count} nodes of site '{loaded.Name}'");
            await FollowAsync(file, written, source, server, cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Takes changes of the site file over until SIGTERM or Ctrl-C, the normal end of a server: at SIGHUP, and when the file has another time. A wrong file changes nothing.</summary>
    private static async Task FollowAsync(string file, DateTime seen, ManifestSource source, BootServer server, CancellationToken cancellation)
    {
        using var asked = new SemaphoreSlim(0);
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            asked.Release();
        });
        try
        {
            while (true)
            {
                var isAsked = await asked.WaitAsync(LookInterval, cancellation);
                var written = File.GetLastWriteTimeUtc(file);
                if (written == seen && !isAsked) continue;
                seen = written;
                if (TryLoad(file) is not { } loaded) continue;
                source.Current = Compile(loaded, source.Current.Serial + 1);
                server.Discoveries.Forget(source.Map);
                Console.Error.WriteLine($"taken over: {loaded.Nodes.Count} nodes of site '{loaded.Name}'");
            }
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("stopped");
        }
    }

    /// <summary>The site file, which an editor may be in the middle of replacing; null when it cannot be taken over.</summary>
    private static Site? TryLoad(string file)
    {
        try
        {
            if (SiteInput.Load(file, SiteParts.None) is { } site) return site;
        }
        catch (FailureException e)
        {
            Console.Error.WriteLine(e.Message);
        }
        Console.Error.WriteLine($"{file}: not taken over; what was served before is served on");
        return null;
    }

    private static Manifest Compile(Site site, long serial) => Manifest.Compile(site, Guid.Empty, serial, new ImageVersion(site.Image.Length > 0 ? site.Image : "none", "0"), "");

    private static X509Certificate2 LoadCertificate(string certificate, string? key)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key ?? certificate);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{certificate}: {e.Message}; --certificate and --key name PEM files (RFC 7468)", e);
        }
    }

    private static Ipv4Address[]? Addresses(System.CommandLine.Parsing.ArgumentResult result)
    {
        List<Ipv4Address> addresses = [];
        foreach (var token in result.Tokens)
        {
            if (Ipv4Address.TryParse(token.Value, null, out var address)) addresses.Add(address);
            else result.AddError($"'{token.Value}' is not an IPv4 address; write it as 192.168.77.11");
        }
        return [.. addresses];
    }
}
