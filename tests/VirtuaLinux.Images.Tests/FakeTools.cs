using System.Security.Cryptography;
using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Tests;

/// <summary>Stands in for package manager and file system makers: each leaves the files that the real one would, small. What only copies is run for real.</summary>
public sealed class FakeTools : ICommandRunner
{
    private const string Release = "6.12.0-test";

    private readonly CommandRunner real = new();

    /// <summary>Names of the programs that ran, in order.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Where the kernel's package has its modules.</summary>
    public string Modules { get; set; } = "usr/lib/modules";

    /// <summary>Called before a program, to let it fail.</summary>
    public Action<string, ExternalCommand>? Before { get; set; }

    public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        // A tool of the image runs through the image's loader: … --argv0 NAME PATH ARGUMENTS.
        var argv0 = command.Arguments.ToList().IndexOf("--argv0");
        var name = argv0 < 0 ? Path.GetFileName(command.Program) : command.Arguments[argv0 + 1];
        string[] arguments = [.. command.Arguments.Skip(argv0 < 0 ? 0 : argv0 + 3)];
        Calls.Add(name);
        Before?.Invoke(name, command);
        switch (name)
        {
            case "cp" or "veritysetup" or "git":
                return real.RunAsync(command, cancellationToken);
            case "mmdebstrap":
                MakeRoot(arguments.SkipWhile(a => a != "trixie").ElementAt(1));
                break;
            case "apt-get" when arguments[^1] == "update":
                File.WriteAllText(Path.Combine(arguments.Single(a => a.StartsWith("Dir::State::lists=", StringComparison.Ordinal))[18..], "archive_Packages"), "Package: base\nVersion: 1.2-3\nArchitecture: amd64\nSHA256: " + new string('d', 64) + "\n");
                break;
            case "depmod":
                Depend(Path.Combine(arguments[1], "lib/modules", Release));
                break;
            case "zstd":
                File.Move(arguments[^3], arguments[^1]);
                break;
            case "mke2fs":
                using (var image = File.OpenWrite(arguments[^1])) image.Write(SHA256.HashData(Content(arguments[^2])));
                break;
            case "mksquashfs":
                File.WriteAllBytes(arguments[1], SHA256.HashData(Content(arguments[0])));
                break;
            case "grub-mkimage" or "xorriso":
                File.WriteAllText(arguments[Array.IndexOf(arguments, "-o") + 1], name);
                break;
            case "mkfs.fat":
                File.WriteAllText(arguments[^2], "");
                break;
            case "busybox":
                return Task.FromResult(new CommandResult(0, "mount\nsh\n", ""));
        }
        return Task.FromResult(new CommandResult(0, "", ""));
    }

    private void MakeRoot(string root)
    {
        void Write(string path, string text)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, path))!);
            File.WriteAllText(Path.Combine(root, path), text);
            File.SetLastWriteTimeUtc(Path.Combine(root, path), new DateTime(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc));
        }
        Write("var/lib/dpkg/status", "Package: base\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n");
        Write("available", "Package: base\nVersion: 1.2-3\nArchitecture: amd64\nSize: 10\nSHA256: " + new string('a', 64) + $"\n\nPackage: linux-image-{Release}\nVersion: 6.12.0-1\nArchitecture: amd64\nSize: 20\nSHA256: " + new string('b', 64) + "\n\nPackage: other\nVersion: 1\nSHA256: " + new string('c', 64) + "\n");
        Write("etc/hostname", "builder");
        Write("usr/lib64/ld-linux-x86-64.so.2", "");
        Write("usr/bin/busybox", "");
        Write("usr/sbin/iscsid", "");
        foreach (var tool in (string[])["mke2fs", "depmod"]) Write($"usr/sbin/{tool}", tool);
        Write("boot-packages/packages", $"linux-image-{Release}\t6.12.0-1\n");
        Write("boot-packages/usr/bin/grub-mkimage", "");
        Write($"boot-packages/boot/vmlinuz-{Release}", "kernel");
        foreach (var loader in (string[])["undionly.kpxe", "ipxe.efi", "shimx64.efi", "grubx64.efi", "grubx64-medium.efi", "mmx64.efi"]) Write($"boot-packages/loaders/{loader}", loader);
        Write("boot-packages/grub/boot_hybrid.img", "");
        var modules = $"boot-packages/{Modules}/{Release}";
        foreach (var index in (string[])["modules.order", "modules.builtin", "modules.builtin.modinfo"]) Write($"{modules}/{index}", "");
        Write($"{modules}/kernel/sound/soundcore.ko", "");
        Write($"{modules}/kernel/net/e1000.ko", "");
        // Any ELF file will do as a module.
        File.WriteAllBytes(Path.Combine(root, $"{modules}/kernel/net/e1000.ko"), File.ReadAllBytes("/usr/bin/busybox"));
    }

    private static byte[] Content(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)];

    private static void Depend(string modules) =>
        File.WriteAllLines(Path.Combine(modules, "modules.dep"), Directory.GetFiles(Path.Combine(modules, "kernel"), "*.ko", SearchOption.AllDirectories).Select(m => $"{Path.GetRelativePath(modules, m)}:"));
}
