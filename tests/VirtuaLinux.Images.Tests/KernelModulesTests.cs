using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;

namespace VirtuaLinux.Images.Tests;

public sealed class KernelModulesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly KernelModules modules;

    public KernelModulesTests()
    {
        folder.Write("modules.dep", """
            kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz
            kernel/fs/jbd2/jbd2.ko.xz:
            kernel/lib/crc16.ko.xz:
            kernel/crypto/crc32c_generic.ko.xz:
            kernel/arch/x86/crypto/crc32c-intel.ko.xz:
            kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz:
            kernel/drivers/net/ethernet/mellanox/mlxsw/mlxsw_core.ko.xz:
            kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz
            kernel/drivers/net/net_failover.ko.xz:
            kernel/sound/soundcore.ko.xz:
            """);
        folder.Write("modules.softdep", "# comment\nsoftdep ext4 pre: crc32c\n");
        folder.Write("modules.alias", "alias crc32c crc32c_generic\nalias crc32c crc32c_intel\nalias pci:v*d* e1000\n");
        folder.Write("modules.builtin", "kernel/drivers/ata/ata_piix.ko\n");
        modules = new KernelModules(folder.Path);
    }

    [Fact]
    public void A_module_comes_with_what_it_needs_and_with_what_it_asks_for_softly() =>
        Assert.Equal(["crc16", "crc32c_generic", "crc32c_intel", "ext4", "jbd2"], modules.Select(["ext4"], "list"));

    [Fact]
    public void A_folder_brings_all_its_modules_but_those_taken_away() =>
        Assert.Equal(["e1000", "net_failover", "virtio_net"], modules.Select(["drivers/net/", "!drivers/net/ethernet/mellanox/", "# no more"], "list"));

    [Fact]
    public void Hyphens_and_wildcards_in_names_are_understood() =>
        Assert.Equal(["crc32c_intel", "net_failover", "virtio_net"], modules.Select(["crc32c-intel", "virtio*"], "list"));

    [Fact]
    public void A_built_in_module_and_an_optional_one_need_not_exist() =>
        Assert.Empty(modules.Select(["ata_piix", "?no-such-module"], "list"));

    [Fact]
    public void A_misspelt_module_is_reported_by_line()
    {
        var failure = Assert.Throws<FailureException>(() => modules.Select(["ext4", "", "exfour"], "templates/initrd/modules"));

        Assert.StartsWith("templates/initrd/modules:3: this kernel has no module 'exfour'", failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();
}
