using VirtuaLinux.Lab.Bench;

namespace VirtuaLinux.Lab.Tests;

public sealed class DirectBootTests
{
    [Fact]
    public void A_blade_starts_the_kernel_that_it_is_given_and_else_what_its_firmware_finds()
    {
        var lab = StorageBench.LabOf("/state", "/memory", "installer.iso", cpus: 1);
        var given = BladeMachine.Arguments(lab, lab.Blades[0] with { Boot = new DirectBoot("vmlinuz", "initrd.img", "console=ttyS0 quiet") }, Accelerator.Tcg, []);
        Assert.Equal(["-kernel", "vmlinuz", "-initrd", "initrd.img", "-append", "console=ttyS0 quiet"], given.SkipWhile(a => a != "-kernel").Take(6));
        Assert.DoesNotContain("-kernel", BladeMachine.Arguments(lab, lab.Blades[0], Accelerator.Tcg, []));
    }
}
