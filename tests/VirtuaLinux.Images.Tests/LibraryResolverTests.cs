using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Images.Tree;

namespace VirtuaLinux.Images.Tests;

public sealed class LibraryResolverTests
{
    [Theory]
    [InlineData("/usr/sbin/mke2fs")]
    [InlineData("/usr/bin/xorriso")]
    [InlineData("/usr/bin/qemu-img")]
    public async Task A_program_gets_the_libraries_that_the_real_loader_would_load(string program)
    {
        var expected = (await new CommandRunner().RunAsync(ExternalCommand.Of("ldd", program))).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Trim().Split(" => ")[^1].Split(' ')[0])
            .Where(l => l.StartsWith('/'))
            .Select(l => RootPath.Resolve("/", l))
            .Order(StringComparer.Ordinal);

        var found = new LibraryResolver("/").Resolve([program]).Select(l => RootPath.Resolve("/", l)).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(expected, found);
    }

    [Fact]
    public void A_static_program_and_a_script_need_nothing()
    {
        using var folder = new TemporaryFolder();

        Assert.Empty(new LibraryResolver("/").Resolve(["/bin/busybox", folder.Write("script", "#!/bin/sh\n")]));
    }

    [Fact]
    public void A_library_that_no_package_brings_is_named_together_with_who_needs_it()
    {
        using var root = new TemporaryFolder();
        Directory.CreateDirectory(root.At("usr/lib"));

        var failure = Assert.Throws<FailureException>(() => new LibraryResolver(root.Path).Resolve(["/usr/sbin/mke2fs"]));

        Assert.Contains("/usr/sbin/mke2fs needs libext2fs.so.2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_or_mangled_program_is_no_ELF_file_and_nothing_worse()
    {
        var program = File.ReadAllBytes("/usr/bin/xorriso");
        var random = new Random(4711);
        for (var round = 0; round < 2000; round++)
        {
            var broken = program[..random.Next(program.Length)];
            for (var i = 0; i < 20 && broken.Length > 0; i++) broken[random.Next(Math.Min(broken.Length, 4096))] = (byte)random.Next(256);
            // Any answer will do, as long as there is one.
            _ = ElfFile.TryParse(broken, out _);
        }

        Assert.True(ElfFile.TryParse(program, out var whole));
        Assert.Equal("/lib64/ld-linux-x86-64.so.2", whole.Interpreter);
        Assert.False(ElfFile.TryParse([], out _));
        Assert.False(ElfFile.TryParse("#!/bin/sh"u8, out _));
    }
}
