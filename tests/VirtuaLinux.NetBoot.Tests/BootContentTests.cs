using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

public sealed class BootContentTests : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    [Fact]
    public void Each_client_gets_the_files_of_its_own_image_and_none_of_another()
    {
        folder.Write("old/vmlinuz", 10);
        folder.Write("new/vmlinuz", 20);
        folder.Write("new/only.img", 5);
        var (old, next) = (new ExportDirectory(folder["old"]), new ExportDirectory(folder["new"]));
        var content = new BootContent(
            client => client.ToString() switch { "192.168.77.11" => old, "192.168.77.12" => next, _ => null },
            new BootScripts(new BootScriptOptions { Manifest = new ManifestSource(TestSite.Manifest()), Servers = _ => [] }),
            []);

        Assert.Equal((10L, 20L, null), (Length(content, "/boot/vmlinuz", "192.168.77.11"), Length(content, "/boot/vmlinuz", "192.168.77.12"), Length(content, "/boot/vmlinuz", "192.168.77.13")));
        Assert.Equal((null, 5L), (Length(content, "only.img", "192.168.77.11"), Length(content, "only.img", "192.168.77.12")));
    }

    public void Dispose() => folder.Dispose();

    private static long? Length(BootContent content, string path, string client)
    {
        using var file = content.TryOpen(path, new ClientEndpoint(Ipv4Address.Parse(client), 50000), default, isSecure: false, out _);
        return file?.Length;
    }
}
