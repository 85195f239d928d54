using VirtuaLinux.Host;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Tests;

public sealed class OverlayTests : IDisposable
{
    private static readonly Dictionary<string, object?> Model = new() { ["image"] = "debian-13" };

    private readonly TemporaryFolder overlay = new();
    private readonly TemporaryFolder root = new();

    [Fact]
    public void Files_are_copied_verbatim_with_modes_that_do_not_depend_on_the_checkout()
    {
        File.SetUnixFileMode(overlay.Write("files/etc/plain.conf", "{{ not a template }}"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        overlay.Write("files/usr/bin/tool", "#!/bin/sh\n", executable: true);

        new Overlay(overlay.Path).Apply(root.Path, Model);

        Assert.Equal("{{ not a template }}", File.ReadAllText(root.At("etc/plain.conf")));
        Assert.Equal(Convert.ToInt32("644", 8), (int)File.GetUnixFileMode(root.At("etc/plain.conf")));
        Assert.Equal(Convert.ToInt32("755", 8), (int)File.GetUnixFileMode(root.At("usr/bin/tool")));
        Assert.Equal(Convert.ToInt32("755", 8), (int)File.GetUnixFileMode(root.At("etc")));
    }

    [Fact]
    public void Build_templates_are_rendered_and_node_templates_are_shipped_as_they_are()
    {
        overlay.Write("build/etc/image.sbn", "image={{ image }}\n");
        overlay.Write("node/etc/hostname.sbn", "{{ node.name }}\n");

        new Overlay(overlay.Path).Apply(root.Path, Model);

        Assert.Equal("image=debian-13\n", File.ReadAllText(root.At("etc/image")));
        Assert.Equal("{{ node.name }}\n", File.ReadAllText(root.At("usr/share/virtualinux/node/etc/hostname.sbn")));
    }

    [Fact]
    public void A_file_replaces_a_link_of_the_root_instead_of_being_written_where_it_leads()
    {
        using var elsewhere = new TemporaryFolder();
        var victim = elsewhere.Write("victim", "untouched");
        Directory.CreateDirectory(root.At("etc"));
        File.CreateSymbolicLink(root.At("etc/resolv.conf"), victim);
        overlay.Write("files/etc/resolv.conf", "nameserver 127.0.0.1\n");

        new Overlay(overlay.Path).Apply(root.Path, Model);

        Assert.Equal("untouched", File.ReadAllText(victim));
        Assert.Null(new FileInfo(root.At("etc/resolv.conf")).LinkTarget);
    }

    [Fact]
    public void A_folder_that_is_an_absolute_link_leads_to_the_place_inside_the_root()
    {
        Directory.CreateDirectory(root.At("usr/lib"));
        File.CreateSymbolicLink(root.At("lib"), "/usr/lib");
        overlay.Write("files/lib/systemd/system/x.service", "[Unit]\n");

        new Overlay(overlay.Path).Apply(root.Path, Model);

        Assert.True(File.Exists(root.At("usr/lib/systemd/system/x.service")));
        Assert.False(Path.Exists("/usr/lib/systemd/system/x.service"));
    }

    [Fact]
    public void A_later_overlay_wins_over_an_earlier_one()
    {
        using var later = new TemporaryFolder();
        overlay.Write("files/etc/issue", "common");
        later.Write("files/etc/issue", "distribution");

        new Overlay(overlay.Path).Apply(root.Path, Model);
        new Overlay(later.Path).Apply(root.Path, Model);

        Assert.Equal("distribution", File.ReadAllText(root.At("etc/issue")));
    }

    [Fact]
    public void An_unknown_variable_is_reported_by_file_and_line()
    {
        overlay.Write("build/etc/image.sbn", "first line\n{{ imaeg }}\n");

        var failure = Assert.Throws<FailureException>(() => new Overlay(overlay.Path).Apply(root.Path, Model));

        Assert.Contains("image.sbn:2", failure.Message, StringComparison.Ordinal);
        Assert.Contains("imaeg", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plain_file_among_the_build_templates_is_refused()
    {
        overlay.Write("build/etc/motd", "hello");

        Assert.Contains("move the file to files/", Assert.Throws<FailureException>(() => new Overlay(overlay.Path).Apply(root.Path, Model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cleaning_removes_by_wildcard_and_only_inside_the_root()
    {
        using var elsewhere = new TemporaryFolder();
        elsewhere.Write("kept", "");
        root.Write("etc/ssh/ssh_host_rsa_key", "");
        root.Write("etc/ssh/sshd_config", "");
        root.Write("var/lib/apt/lists/partial/x", "");
        Directory.CreateDirectory(root.At("tmp"));
        File.CreateSymbolicLink(root.At("tmp/link"), elsewhere.Path);

        RootCleaning.Remove(root.Path, ["etc/ssh/ssh_host_*", "/var/lib/apt/lists/*", "tmp/*", "not/there/*"]);

        Assert.Equal(["sshd_config"], Directory.GetFileSystemEntries(root.At("etc/ssh")).Select(Path.GetFileName));
        Assert.Empty(Directory.GetFileSystemEntries(root.At("var/lib/apt/lists")));
        Assert.Empty(Directory.GetFileSystemEntries(root.At("tmp")));
        Assert.True(File.Exists(elsewhere.At("kept")));
    }

    [Fact]
    public void Passwords_carry_the_day_of_the_image_and_not_of_the_build()
    {
        root.Write("etc/shadow", "root:*:20780:0:99999:7:::\ndaemon:*::0:99999:7:::\n");

        RootCleaning.DatePasswords(root.Path, 86400 * 10);

        Assert.Equal("root:*:10:0:99999:7:::\ndaemon:*::0:99999:7:::\n", File.ReadAllText(root.At("etc/shadow")));
    }

    public void Dispose()
    {
        overlay.Dispose();
        root.Dispose();
    }
}
