using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Bench;

/// <summary>The configurations of all servers, for the same hosts and the same files.</summary>
internal sealed class BenchFiles : IDisposable
{
    public const ulong FirstMac = 0x525400770000;

    /// <summary>Length of the file <c>part</c>, in bytes.</summary>
    public const int PartLength = 2 << 20;

    private BenchFiles(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>What TFTP and HTTP export.</summary>
    public string Root => Path.Combine(Folder, "root");

    public string this[string name] => Path.Combine(Folder, name);

    public static async Task<BenchFiles> CreateAsync(int hosts, CancellationToken cancellationToken)
    {
        var files = new BenchFiles(Directory.CreateTempSubdirectory("virtualinux-bench-").FullName);
        // Servers that give up root must reach it.
        File.SetUnixFileMode(files.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        Directory.CreateDirectory(files.Root);
        var random = new Random(1);
        foreach (var (name, length) in new[] { ("loader", 16 << 20), ("part", PartLength), ("initrd.img", 40 << 20), ("undionly.kpxe", 64 << 10), ("shimx64.efi", 64 << 10) })
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            await File.WriteAllBytesAsync(Path.Combine(files.Root, name), bytes, cancellationToken).ConfigureAwait(false);
        }
        var variables = new Dictionary<string, object?>
        {
            ["hosts"] = Enumerable.Range(0, hosts).Select(i => (object?)new Dictionary<string, object?>
            {
                ["mac"] = new MacAddress(FirstMac + (ulong)i).ToString(),
                ["ip"] = new Ipv4Address(Ipv4Address.Parse("10.77.1.0").Value + (uint)(i / 250 * 256 + i % 250 + 1)).ToString(),
            }).ToList(),
            ["interface"] = BenchNetwork.ServerInterface,
            ["address"] = BenchNetwork.ServerAddress,
            ["folder"] = files.Folder,
            ["root"] = files.Root,
        };
        foreach (var name in (string[])["site.yaml", "dnsmasq.conf", "kea.json", "nginx.conf"])
        {
            var template = ProductFiles.Locate($"templates/bench/{name}.sbn");
            await File.WriteAllTextAsync(files[name], TemplateRenderer.Render(template, await File.ReadAllTextAsync(template, cancellationToken).ConfigureAwait(false), variables), cancellationToken).ConfigureAwait(false);
        }
        return files;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
