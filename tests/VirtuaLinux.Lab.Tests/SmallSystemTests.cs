using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Tests;

public sealed class SmallSystemTests
{
    private static readonly string[] s_dependencies =
    [
        "kernel/net/core/failover.ko.xz:",
        "kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz",
        "kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz",
        "kernel/arch/x86/crypto/crc32c-intel.ko.xz:",
    ];

    [Fact]
    public void A_module_brings_along_what_it_depends_on_and_nothing_twice() =>
        Assert.Equal(
            ["kernel/drivers/net/virtio_net.ko.xz", "kernel/drivers/net/net_failover.ko.xz", "kernel/net/core/failover.ko.xz", "kernel/arch/x86/crypto/crc32c-intel.ko.xz"],
            SmallSystem.FilesOf(["virtio_net", "failover", "crc32c_intel"], s_dependencies));

    [Fact]
    public void A_module_that_the_kernel_lacks_is_named() =>
        Assert.Equal("the installer's kernel has no module 'net'", Assert.Throws<FailureException>(() => SmallSystem.FilesOf(["failover", "net"], s_dependencies)).Message);

    [Fact]
    public async Task A_san_with_lio_asks_for_an_installer()
    {
        var options = new LabOptions { StateDirectory = "/nowhere", Name = "none", Blades = [], SanKind = SanKind.Lio };
        var failure = await Assert.ThrowsAsync<FailureException>(() => LabInstance.CreateAsync(options));
        Assert.Equal("a SAN with LIO or nvmet runs the kernel of an installer ISO; name one", failure.Message);
    }
}
