using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Node.Tests;

/// <summary>The node's own files, rendered from the overlays of this checkout, against <c>Expectations/</c>; UPDATE_EXPECTATIONS=1 rewrites them.</summary>
public sealed class NodeFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("virtualinux-node").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Every_file_of_a_node_is_as_expected()
    {
        foreach (var overlay in (string[])["common", "debian-13"]) Copy(ProductFiles.Locate($"overlays/{overlay}/node"), Path.Combine(_root, "usr/share/virtualinux/node"));
        NodeFiles.Render(_root, NodeFiles.Variables(TestManifest(), TestManifest().Nodes[1]));
        var rendered = Directory.EnumerateFiles(Path.Combine(_root, "etc"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => $"== {Path.GetRelativePath(_root, f)}\n{File.ReadAllText(f)}");
        var text = string.Concat(rendered);
        var expectation = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "tests/VirtuaLinux.Node.Tests/Expectations/node02.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(expectation, text);
        Assert.Equal(File.ReadAllText(expectation), text);
    }

    [Fact]
    public void A_site_without_a_shared_volume_exports_nothing()
    {
        Copy(ProductFiles.Locate("overlays/common/node/etc/exports.d"), Path.Combine(_root, "usr/share/virtualinux/node/etc/exports.d"));
        var manifest = TestManifest() with { SharedAddress = null };
        NodeFiles.Render(_root, NodeFiles.Variables(manifest, manifest.Nodes[0]));
        Assert.All(File.ReadAllLines(Path.Combine(_root, "etc/exports.d/virtualinux.exports")), l => Assert.StartsWith("#", l, StringComparison.Ordinal));
    }

    [Fact]
    public void A_second_rendering_replaces_files_and_links_and_never_writes_through_a_link()
    {
        Directory.CreateDirectory(Path.Combine(_root, "usr/share/virtualinux/node/etc"));
        File.WriteAllText(Path.Combine(_root, "usr/share/virtualinux/node/etc/hostname.sbn"), "{{ node.name }}\n");
        Directory.CreateDirectory(Path.Combine(_root, "etc"));
        var elsewhere = Path.Combine(_root, "elsewhere");
        File.WriteAllText(elsewhere, "kept");
        File.CreateSymbolicLink(Path.Combine(_root, "etc/hostname"), elsewhere);
        NodeFiles.Render(_root, NodeFiles.Variables(TestManifest(), TestManifest().Nodes[0]));
        Assert.Equal("kept", File.ReadAllText(elsewhere));
        Assert.Equal("node01\n", File.ReadAllText(Path.Combine(_root, "etc/hostname")));
    }

    [Fact]
    public void An_account_that_the_site_took_back_has_no_keys_on_a_node_any_more()
    {
        var templates = Path.Combine(_root, "usr/share/virtualinux/node/etc/ssh/authorized_keys.d");
        Directory.CreateDirectory(templates);
        File.WriteAllText(Path.Combine(templates, "{user}.sbn"), "{{ user.keys[0] }}\n");
        var keys = Directory.CreateDirectory(Path.Combine(_root, "etc/ssh/authorized_keys.d")).FullName;
        File.WriteAllText(Path.Combine(keys, "local"), "of the administrator of this node");
        var manifest = TestManifest();
        void Render(params string[] users) => NodeFiles.Render(_root, NodeFiles.Variables(manifest with { Access = [.. users.Select(u => manifest.Access[0] with { User = u })] }, manifest.Nodes[0]));
        Render("admin", "formerly");
        Assert.Equal(["admin", "formerly", "local"], Directory.EnumerateFiles(keys).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Render("admin");
        Assert.Equal(["admin", "local"], Directory.EnumerateFiles(keys).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_identity_of_a_machine_is_made_once_and_kept_on_local()
    {
        var local = Directory.CreateDirectory(Path.Combine(_root, "local")).FullName;
        foreach (var folder in (string[])["etc", "var/log"]) Directory.CreateDirectory(Path.Combine(_root, folder));
        NodeFiles.LinkLocal(_root, local);
        var first = File.ReadAllText(Path.Combine(_root, "etc/machine-id"));
        Assert.Matches("^[0-9a-f]{32}\n$", first);
        File.WriteAllText(Path.Combine(_root, "etc/machine-id"), "");
        NodeFiles.LinkLocal(_root, local);
        Assert.Equal(first, File.ReadAllText(Path.Combine(_root, "etc/machine-id")));
        Assert.Equal("/local/journal", new FileInfo(Path.Combine(_root, "var/log/journal")).LinkTarget);
    }

    private static Manifest TestManifest()
    {
        var (site, errors) = SiteFile.Load("site.yaml", """
            version: 1
            name: blade16
            image: debian-13
            networks:
              cluster: { subnet: 192.168.77.0/24, gateway: 192.168.77.254, domain: blade16.internal }
              storage: { subnet: 10.7.0.0/16 }
            san: { portals: [ "192.168.77.1:3260" ], target: "iqn.2026-11.org.virtualinux:san" }
            volumes: { shared: 4GiB }
            access:
              - { user: admin, sshKeys: [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin" ] }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11, slot: 1 }
              - name: node02
                interfaces:
                  cluster: { mac: "52:54:00:77:00:02", ip: 192.168.77.12 }
                  storage: { mac: "52:54:00:77:01:02", ip: 10.7.0.12 }
                slot: 2

            """);
        Assert.Empty(errors);
        return Manifest.Compile(site!, Guid.Empty, 1, ImageVersion.Parse("debian-13@1"), "00");
    }

    private static void Copy(string source, string target)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
