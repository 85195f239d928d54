namespace VirtuaLinux.Images.Tests;

/// <summary>A signed repository that tests share and do not change.</summary>
public sealed class SoundRepository : IAsyncLifetime
{
    public RpmRepository Repository { get; } = new();

    public string Key { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Key = await Repository.AddKeyAsync("vendor");
        await AddBaseAsync(Repository);
        await Repository.PublishAsync();
    }

    /// <summary>A root that can run scripts, a kernel, and packages that need each other.</summary>
    public static async Task AddBaseAsync(RpmRepository repository)
    {
        await repository.AddAsync("filesystem", new Dictionary<string, string>
        {
            ["/bin"] = "-> usr/bin",
            ["/lib"] = "-> usr/lib",
            ["/usr/lib/os-release"] = "ID=\"centos\"\n",
            ["/etc/os-release"] = "-> ../usr/lib/os-release",
            ["/dev/.kept"] = "",
            ["/proc/.kept"] = "",
        }, "License: LicenseRef-Fedora-Public-Domain");
        var tree = Directory.CreateTempSubdirectory("virtualinux-test-");
        try
        {
            Directory.CreateDirectory(Path.Combine(tree.FullName, "usr/bin"));
            File.Copy("/usr/bin/busybox", Path.Combine(tree.FullName, "usr/bin/busybox"));
            File.CreateSymbolicLink(Path.Combine(tree.FullName, "usr/bin/sh"), "busybox");
            await repository.AddTreeAsync("busybox", tree.FullName, ["/usr/bin/busybox", "/usr/bin/sh"], "Requires: filesystem\nProvides: /bin/sh\nLicense: GPLv2\nBuildArch: x86_64\nEpoch: 1\nURL: https://busybox.net/");
        }
        finally
        {
            tree.Delete(recursive: true);
        }
        await repository.AddAsync("library", new Dictionary<string, string> { ["/usr/lib/library"] = "a\n" }, "Requires: filesystem\nLicense: LGPLv2+ and BSD\nVersion: 2.5", "%post\ntest -c /dev/null && test -r /proc/self/status && test -d /sys/class && date -d \"@${SOURCE_DATE_EPOCH:-0}\" +%Y > /etc/from-script");
        await repository.AddAsync("tool", new Dictionary<string, string> { ["/usr/bin/tool"] = "t\n", ["/usr/share/man/man1/tool.1"] = "m\n", ["/usr/share/doc/tool/README"] = "r\n", ["/etc/tool.conf"] = "c\n" }, "Requires: library >= 2, busybox\nRecommends: extra\nLicense: GPL-2.0-or-later AND (MIT OR BSD-3-Clause)");
        await repository.AddAsync("extra", new Dictionary<string, string> { ["/usr/bin/extra"] = "" });
        await repository.AddAsync("kernel-core", new Dictionary<string, string> { ["/lib/modules/6.12.0-1.el10.x86_64/vmlinuz"] = "kernel" }, "Requires: kernel-modules, library\nBuildArch: x86_64\nVersion: 6.12.0", "%post\nexit 1");
        await repository.AddAsync("kernel-modules", new Dictionary<string, string> { ["/lib/modules/6.12.0-1.el10.x86_64/kernel/e1000.ko"] = "module" }, "BuildArch: x86_64\nVersion: 6.12.0");
    }

    public ValueTask DisposeAsync()
    {
        Repository.Dispose();
        return ValueTask.CompletedTask;
    }
}
