using VirtuaLinux.Images.Definitions;

namespace VirtuaLinux.Images.Tests;

public sealed class OverlayChainTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public OverlayChainTests()
    {
        Write("common", "remove: [ tmp/* ]\nroles:\n  base: { enable: [ ours.service ] }\n  shared: { enable: [ shared.service ] }\n");
        Write("debian-13", """
            title: Debian 13
            family: debian
            release: "13"
            packageManager: mmdebstrap
            suite: trixie
            components: [ main, firmware ]
            keys: [ keys/debian.gpg ]
            remove: [ var/a ]
            roles:
              base: { packages: [ systemd ], disable: [ a.timer ] }
              dns: { packages: [ unbound ], enable: [ unbound.service ], mask: [ resolved.service ] }
              shared: { packages: [ nfs ] }
              kvm: { packages: [ qemu ], enable: [ libvirtd.service ] }
              kernel: { packages: [ linux ] }
            bootFiles: { vmlinuz: boot/vmlinuz-*, shimx64.efi: usr/shim }
            """);
        Write("ubuntu", """
            title: Ubuntu
            release: "24.04"
            extends: debian-13
            suite: noble
            components: [ universe ]
            archive: http://archive.example.org/ubuntu
            keys: [ /usr/share/keyrings/ubuntu.gpg, own.gpg ]
            remove: [ var/b ]
            roles:
              dns: { packages: [ bind9 ] }
            bootFiles: { shimx64.efi: usr/shim.latest }
            """);
        Write("ubuntu-next", "title: Next\nextends: ubuntu\nsuite: next\nroles:\n  shared: { lacks: its kernel has no NFS server }\n");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_distribution_has_what_it_extends_beneath_it_and_common_at_the_bottom()
    {
        var chain = Load("ubuntu-next");
        var facts = chain.Distribution;

        Assert.Equal(["common", "debian-13", "ubuntu", "ubuntu-next"], chain.Overlays.Select(Path.GetFileName));
        Assert.Equal(("Next", DistributionFamily.Debian, "mmdebstrap", "next", "http://archive.example.org/ubuntu"), (facts.Title, facts.Family, facts.PackageManager, facts.Suite, facts.Archive));
        Assert.Equal("", facts.Release);
        Assert.Equal(["universe"], facts.Components);
        Assert.Equal(["tmp/*", "var/a", "var/b"], facts.Remove);
        Assert.Equal(["shimx64.efi=usr/shim.latest", "vmlinuz=boot/vmlinuz-*"], facts.BootFiles.Select(f => $"{f.Key}={f.Value}"));
        Assert.Equal("x86-64", facts.Architecture);
    }

    [Fact]
    public void A_role_that_is_given_again_is_replaced_as_a_whole_and_joined_with_commons()
    {
        var facts = Load("ubuntu").Distribution;

        Assert.Equal(["systemd", "bind9", "nfs"], facts.Packages);
        Assert.Equal(["linux"], facts.BootPackages);
        Assert.Equal(["ours.service", "shared.service"], facts.Enable);
        Assert.Equal(["a.timer"], facts.Disable);
        Assert.Empty(facts.Mask);
        Assert.Equal(["resolved.service"], Load("debian-13").Distribution.Mask);
    }

    [Fact]
    public void Of_a_role_that_is_lacking_nothing_is_installed_or_enabled()
    {
        var facts = Load("ubuntu-next").Distribution;

        Assert.DoesNotContain("nfs", facts.Packages);
        Assert.Equal(["ours.service"], facts.Enable);
    }

    [Fact]
    public void Keys_are_those_of_the_uppermost_that_names_some_and_relative_to_its_own_folder()
    {
        Assert.Equal([folder.At("overlays/debian-13/keys/debian.gpg")], Load("debian-13").Distribution.Keys);
        Assert.Equal(["/usr/share/keyrings/ubuntu.gpg", folder.At("overlays/ubuntu/own.gpg")], Load("ubuntu-next").Distribution.Keys);
    }

    [Fact]
    public void The_files_of_the_whole_chain_belong_to_an_image()
    {
        folder.Write("images/test.yaml", "version: 1\ndistribution: ubuntu-next\npackages: [ vim ]\n");

        var set = DefinitionSet.Load("test", folder.Path);

        Assert.Equal(["common", "debian-13", "ubuntu", "ubuntu-next"], set.Overlays.Select(Path.GetFileName));
        Assert.Equal(["systemd", "bind9", "vim"], set.Distribution.Packages);
    }

    [Theory]
    [InlineData("extends: debain", "2: there is no distribution 'debain'; write one of: debian-13, ubuntu, ubuntu-next; or add its folder under overlays/")]
    [InlineData("extends: common", "2: 'common' is beneath every distribution; remove the line")]
    [InlineData("extends: new", "2: these distributions extend each other in a circle: new, new; let one of them extend another distribution, or none")]
    [InlineData("extends: debian-13\narchitecture: arm64", "3: architecture 'arm64' is not supported yet, and an image for another processor than the build machine's cannot be built; write architecture: x86-64, or remove the line")]
    [InlineData("extends: debian-13\nfamily: debain", "3: 'family': 'debain' is not one of its values; did you mean 'debian'?")]
    [InlineData("extends: debian-13\narchive: archive.example.org", "3: archive 'archive.example.org' is no URI; write it as http://archive.example.org/ubuntu")]
    [InlineData("extends: debian-13\nroles:\n  dsn: { packages: [ unbound ] }", "4: there is no role 'dsn'; write one of: base, tls, san, time, dns, ssh, firewall, shared, firmware, kvm, xen, kernel, loaders")]
    [InlineData("extends: debian-13\nroles:\n  dns: { package: [ unbound ] }", "4: unknown key 'package'; did you mean 'packages'?")]
    [InlineData("extends: debian-13\nroles:\n  dns:\n    packages: [ unbound ]\n    lacks: no time", "6: the role 'dns' is lacking, and yet has packages or units; write either lacks or the others")]
    [InlineData("extends: debian-13\nroles:\n  kernel: { enable: [ a.service ] }", "4: packages of the role 'kernel' are unpacked and not installed, and have no units in the root; remove enable, disable and mask")]
    [InlineData("extends: debian-13\nkeys: [ ' ' ]", "3: the key file has no name; write the path of a file, or remove the line")]
    [InlineData("extends: debian-13\nrepositories:\n  - { name: a b, baseUrl: 'https://mirror/$releasever/' }", "4: 'a b' is not the name of a repository; write letters, digits, dots, hyphens and underscores, as in baseos")]
    [InlineData("extends: debian-13\nrepositories:\n  - { name: a, baseUrl: 'https://m/' }\n  - { name: a, baseUrl: /mirror }", "5: there are two repositories 'a'; give each a name of its own|5: baseUrl '/mirror' is no URI; write it as https://mirror.example.org/$releasever/BaseOS/$basearch/os/")]
    [InlineData("title: x", "1: 'packageManager' is missing; write packageManager: mmdebstrap or dnf")]
    public void A_fault_is_named_with_its_line_and_what_to_write(string text, string faults)
    {
        Write("new", text + "\n");

        var (chain, errors) = OverlayChain.Load(folder.At("overlays"), "new");

        Assert.Null(chain);
        Assert.Equal(faults.Split('|').Select(f => $"{folder.At("overlays/new/distribution.yaml")}:{f}"), errors.Select(e => e.ToString()));
    }

    [Fact]
    public void A_circle_and_a_fault_further_down_are_named_in_the_file_that_has_them()
    {
        Write("a", "extends: b\n");
        Write("b", "extends: c\n");
        Write("c", "title: C\nextends: b\n");
        Assert.Equal($"{folder.At("overlays/c/distribution.yaml")}:3: these distributions extend each other in a circle: b, c, b; let one of them extend another distribution, or none", Assert.Single(OverlayChain.Load(folder.At("overlays"), "a").Errors).ToString());

        Write("c", "extends: debian-13\nsweet: trixie\n");
        Assert.StartsWith($"{folder.At("overlays/c/distribution.yaml")}:3: unknown key 'sweet'", Assert.Single(OverlayChain.Load(folder.At("overlays"), "a").Errors).ToString(), StringComparison.Ordinal);
    }

    private void Write(string name, string text) => folder.Write($"overlays/{name}/distribution.yaml", "version: 1\n" + text);

    private OverlayChain Load(string name)
    {
        var (chain, errors) = OverlayChain.Load(folder.At("overlays"), name);
        Assert.Empty(errors);
        return chain!;
    }
}
