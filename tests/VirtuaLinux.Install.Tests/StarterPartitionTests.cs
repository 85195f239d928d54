using System.Text;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install.Tests;

public sealed class StarterPartitionTests
{
    private static readonly ImageInfo Image = new()
    {
        Image = ImageVersion.Parse("debian-13@1"),
        Distribution = "debian-13",
        KernelRelease = "6.12.0",
        RootSize = 1,
        ChunkSize = 1,
        Chunks = [],
        RootDigest = "d1",
        BootSize = 1,
        BootDigest = "",
        SourceDateEpoch = 0,
    };

    [Fact]
    public void The_menu_starts_the_kernel_with_the_sites_arguments_and_both_archives()
    {
        var menu = StarterPartition.Menu(new Manifest
        {
            SiteId = Guid.Empty,
            Serial = 1,
            Image = Image.Image,
            RootDigest = "d1",
            Name = "blade16",
            Volumes = new SiteVolumes(),
            Networks = new Dictionary<string, SiteNetwork>(),
            Nodes = [],
            KernelArguments = "console=ttyS0 quiet",
        });
        Assert.Contains("linux /vmlinuz virtualinux.mode=starter console=ttyS0 quiet;", menu, StringComparison.Ordinal);
        Assert.Contains("initrd /initrd.img /site.cpio;", menu, StringComparison.Ordinal);
    }

    [Fact]
    public void The_archive_holds_certificate_manifest_and_secret_but_never_the_CAs_key()
    {
        var state = new SanState { SignedManifest = "signed"u8.ToArray(), CaCertificate = "certificate", CaKey = "private key", ChapSecret = "lab-secret-12", Images = [Image] };
        var archive = Encoding.ASCII.GetString(StarterBoot.Archive(state));
        foreach (var part in (string[])["etc/virtualinux/site-ca.pem", "certificate", "etc/virtualinux/manifest.json", "signed", "etc/virtualinux/chap.secret", "lab-secret-12"]) Assert.Contains(part, archive, StringComparison.Ordinal);
        Assert.DoesNotContain("private key", archive, StringComparison.Ordinal);
        // newc: mode in octal 100600 is 8180 in hexadecimal.
        Assert.Contains("00008180", archive, StringComparison.Ordinal);
        Assert.DoesNotContain("chap.secret", Encoding.ASCII.GetString(StarterBoot.Archive(state with { ChapSecret = null })), StringComparison.Ordinal);
    }
}
