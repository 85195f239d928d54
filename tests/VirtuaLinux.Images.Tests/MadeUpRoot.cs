using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

/// <summary>A root with a few packages, as dpkg and their copyright files tell of them.</summary>
public sealed class MadeUpRoot : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public MadeUpRoot()
    {
        Directory.CreateDirectory(folder.At("root/etc"));
        Directory.CreateDirectory(folder.At("root/usr/share/doc"));
        File.CreateSymbolicLink(folder.At("root/etc/os-release"), "../usr/lib/os-release");
        folder.Write("root/usr/lib/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\n");
        folder.Write("root/var/lib/dpkg/status", """
            Package: libstdc++6
            Status: install ok installed
            Architecture: amd64
            Multi-Arch: same
            Source: gcc-14 (14.2.0-19)
            Version: 14.2.0-19+b1
            Homepage: http://gcc.gnu.org/
            Description: library
             Homepage: https://this.is/text
             .
             more

            Package: libstdc++6
            Status: install ok installed
            Architecture: i386
            Multi-Arch: same
            Source: gcc-14 (14.2.0-19)
            Version: 14.2.0-19+b1

            Package: adduser
            Status: install ok installed
            Architecture: all
            Version: 3.152
            Homepage: not an address

            Package: removed
            Status: deinstall ok config-files
            Architecture: all
            Version: 1

            Package: tool
            Status: install ok installed
            Architecture: amd64
            Version: 1:2.0~rc1-1

            """);
        folder.Write("boot/packages", "linux-image\t6.12-1\nshim\t1\n");
        folder.Write("lists/main_Packages", $"""
            Package: libstdc++6
            Version: 14.2.0-19+b1
            Architecture: i386
            Size: 33
            SHA256: {new string('3', 64)}

            Package: libstdc++6
            Version: 14.2.0-19+b1
            Architecture: amd64
            Size: 64
            SHA256: {new string('6', 64)}

            Package: linux-image
            Source: linux-signed (6.12+1)
            Version: 6.12-1
            Architecture: amd64
            Homepage: https://www.kernel.org/
            Size: 100
            SHA256: {new string('A', 64)}

            Package: adduser
            Version: 3.151
            Architecture: all
            Size: 1
            SHA256: {new string('f', 64)}

            Package: tool
            Version: 1:2.0~rc1-1
            Architecture: amd64
            Size: 5
            SHA256: {new string('5', 64)}

            """);
        folder.Write("root/usr/share/doc/gcc-14-base/copyright", """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

            Files: *
            License: GPL-3+ or Artistic, and Expat

            License: Artistic
             You may.

            """);
        File.CreateSymbolicLink(folder.At("root/usr/share/doc/libstdc++6"), "gcc-14-base");
        folder.Write("root/usr/share/doc/adduser/copyright", "This is free, says somebody in plain words.\n");
        folder.Write("root/usr/share/doc/tool/copyright", """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

            Files: *
            License: public-domain
             Do as you like.

            """);
        folder.Write("boot/usr/share/doc/linux-image/copyright", """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

            Files: *
            License: GPL-2

            """);
    }

    public string Root => folder.At("root");

    public string Boot => folder.At("boot");

    public async Task<PackageInventory> ReadAsync()
    {
        await InstalledPackage.SelectAsync(Root, Boot, [folder.At("lists/main_Packages")], folder.At("available"));
        return PackageInventory.Read(new DebPackages(), Root, Boot, await File.ReadAllTextAsync(folder.At("available")), "trixie", ["main", "contrib"]);
    }

    public async Task<ImageContents> ContentsAsync() =>
        new(new ImageVersion("test", "2026.03.04-01234567"), 1772582400, new string('1', 64), new string('2', 64), await ReadAsync());

    public void Dispose() => folder.Dispose();
}
