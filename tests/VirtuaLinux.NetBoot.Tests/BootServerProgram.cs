using System.Runtime.InteropServices;
using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>A boot server of the tests' site as a process: <c>boot-server DIR [hold] [peers] [proxy]</c>; logs to standard output, ends at SIGTERM.</summary>
internal static class BootServerProgram
{
    public static async Task<int> RunAsync(string[] args)
    {
        var nodes = args.FirstOrDefault(a => a.StartsWith("nodes=", StringComparison.Ordinal)) is { } count ? int.Parse(count[6..], System.Globalization.CultureInfo.InvariantCulture) : 3;
        var manifest = TestSite.Manifest(nodes: nodes);
        // The machine that is no node serves too.
        Ipv4Address[] peers = [Ipv4Address.Parse("192.168.77.1"), .. manifest.Nodes.Take(3).Select(n => n.Cluster.Ip)];
        var ended = new TaskCompletionSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c =>
        {
            c.Cancel = true;
            ended.TrySetResult();
        });
        var output = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        await using var server = new BootServer(new BootServerOptions
        {
            Manifest = new ManifestSource(manifest),
            Endpoints = BootEndpoint.Discover(manifest),
            ExportDirectory = args[0],
            Discovery = args.Contains("hold") ? new DiscoveryPool(manifest.ClusterNetwork.Discovery!.Value) : null,
            Servers = args.Contains("peers") ? _ => peers : null,
            IsProxy = args.Contains("proxy"),
            Documents = [new BootDocument { Path = "/site.cpio", Render = _ => SiteArchive() }],
            Log = output.WriteLine,
        });
        await server.StartAsync();
        output.WriteLine("ready");
        await ended.Task;
        return 0;
    }

    /// <summary>A newc archive with one file, <c>site-archive-was-here</c> (cpio(5)).</summary>
    private static byte[] SiteArchive()
    {
        var archive = new StringBuilder();
        Append(archive, 0x81A4, "site-archive-was-here", "yes\n");
        Append(archive, 0, "TRAILER!!!", "");
        while (archive.Length % 512 != 0) archive.Append('\0');
        return Encoding.ASCII.GetBytes(archive.ToString());
    }

    private static void Append(StringBuilder archive, int mode, string name, string content)
    {
        int[] fields = [1, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, name.Length + 1, 0];
        archive.Append("070701");
        foreach (var field in fields) archive.Append(field.ToString("X8"));
        archive.Append(name).Append('\0');
        while (archive.Length % 4 != 0) archive.Append('\0');
        archive.Append(content);
        while (archive.Length % 4 != 0) archive.Append('\0');
    }
}
