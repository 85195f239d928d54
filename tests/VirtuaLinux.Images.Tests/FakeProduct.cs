namespace VirtuaLinux.Images.Tests;

/// <summary>A small product with one image, and what it takes to build it over and over with tools that cost nothing.</summary>
public sealed class FakeProduct : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public FakeProduct()
    {
        Write("images/test.yaml", "version: 1\ndistribution: debian\nrootSize: 8MiB\n");
        Write("overlays/common/distribution.yaml", "version: 1\nremove: [ etc/hostname ]\ndirectories: [ local ]\n");
        Write("overlays/common/files/etc/issue", "VirtuaLinux\n");
        Write("overlays/common/node/etc/hostname.sbn", "{{ node.name }}\n");
        Write("overlays/debian/distribution.yaml", """
            version: 1
            packageManager: mmdebstrap
            suite: trixie
            components: [main]
            roles:
              base: { packages: [base] }
              kernel: { packages: [linux-image] }
            modulesExclude: [sound]
            bootFiles:
              vmlinuz: boot/vmlinuz-*
              undionly.kpxe: loaders/undionly.kpxe
              ipxe.efi: loaders/ipxe.efi
              shimx64.efi: loaders/shimx64.efi
              mmx64.efi: loaders/mmx64.efi
              grubx64.efi: loaders/grubx64.efi
              grubx64-medium.efi: loaders/grubx64-medium.efi
              grub-i386-pc: grub
            """);
        Write("overlays/debian/build/etc/image.sbn", "{{ image }} {{ kernel_release }}\n");
        Write("templates/packages/unpack-boot-packages", "");
        Write("templates/initrd/init", "#!/bin/sh\n");
        Write("templates/initrd/modules", "e1000\n");
        Write("templates/initrd/programs", "iscsid\n");
        Write("templates/netboot/boot.ipxe.sbn", "#!ipxe\n");
        Write("templates/iso/grub.cfg.sbn", "{{ image }} {{ kernel_arguments }} {{ timeout }}\n");
        Write("templates/iso/bios.cfg", "");
        Write("templates/iso/efi.cfg", "");
        Program = Write("virtualinux", "program");
    }

    public FakeTools Tools { get; } = new();

    public List<BuildEvent> Events { get; } = [];

    public string Program { get; set; }

    public string Cache => folder.At("cache");

    public string Output => folder.At("out");

    public string At(string path) => folder.At(path);

    public string Write(string path, string text) => folder.Write(path, text);

    public Task<ImageBuildResult> BuildAsync(Func<ImageBuildOptions, ImageBuildOptions>? change = null)
    {
        var options = new ImageBuildOptions
        {
            ImageName = "test",
            ProductDirectory = folder.Path,
            OutputDirectory = Output,
            CacheDirectory = Cache,
            ProgramPath = Program,
            OnEvent = Events.Add,
        };
        return new ImageBuilder(change?.Invoke(options) ?? options, Tools).BuildAsync();
    }

    /// <summary>Everything below a folder, relative to it.</summary>
    public static IEnumerable<string> Files(string path) => Directory.Exists(path) ? Directory.GetFileSystemEntries(path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(path, f)) : [];

    public void Dispose() => folder.Dispose();
}
