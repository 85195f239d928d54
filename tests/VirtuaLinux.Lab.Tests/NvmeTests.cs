using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Tests;

/// <summary>What nodes stand on with the lab's NVMe target, with the kernel's host in a machine of its own (see <c>Machines/nvme-host.init</c>).</summary>
public sealed class NvmeTests
{
    private static readonly string[] s_modules = ["virtio_net", "crc32c_generic", "nvme_tcp"];

    [Fact]
    public async Task A_namespace_is_one_disk_over_all_paths_waits_for_them_and_grows()
    {
        await using var fixture = await LabFixture.UpTwiceAsync(san: SanKind.Nvmet);
        var runner = new CommandRunner();
        var machine = new KernelMachine
        {
            Folder = Path.Combine(fixture.Options.StateDirectory, "host"),
            Name = "host",
            Ports = [LabNetwork.Port("node01", 1), LabNetwork.Port("node01", 2)],
            Mac = fixture.Options.Blades[0].Mac,
            MemoryMiB = 256,
        };
        await SmallSystem.MakeAsync(machine.Folder, LabFixture.Iso, s_modules, [], File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Machines/nvme-host.init")), runner);
        var process = await machine.StartAsync(fixture.Lab.Network, Accelerator.Tcg, runner);
        await machine.WaitForConsoleAsync(process, "= the SAN may grow the namespace", Deadline.Firmware);
        await fixture.Lab.San.ResizeAsync(ByteSize.FromMiB(512));
        var console = await machine.WaitForConsoleAsync(process, "= end", Deadline.Firmware);
        Assert.Equal(
            """
            = connects over the first network: 0
            = connects over the second network: 0
            = connects once more: 1
            = connects to a subsystem that is not there: 1
            = disks: nvme0n1
            = WWID: uuid.60000000-0000-4000-8000-00000000ab00
            = namespace: 1
            = sectors: 524288
            = address: traddr=192.168.77.1,trsvcid=4420
            = writes: 0
            = writes over the path that is left: 0
            = a write waits while there is none: 0
            = and is done when there is a path: 0
            = the SAN may grow the namespace
            = sectors of the grown namespace: 1048576
            = WWID after the restart: uuid.60000000-0000-4000-8000-00000000ab00
            = writes: 0
            = end
            """,
            string.Join('\n', console.Split('\n').Where(l => l.StartsWith("= ", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task The_site_file_names_the_transport_and_no_secret()
    {
        await using var fixture = await LabFixture.UpTwiceAsync(san: SanKind.Nvmet);
        var (site, errors) = SiteFile.Load("site.yaml", (await fixture.Lab.SiteFilesAsync(new LabSiteOptions()))["site.yaml"], SiteParts.San);
        Assert.Empty(errors);
        Assert.Equal((SanTransport.NvmeTcp, "nqn.2026-11.org.virtualinux:san", null), (site!.San!.Transport, site.San.Target, site.San.Chap));
        Assert.Equal(["192.168.77.1:4420", "192.168.78.1:4420"], site.San.Portals.Select(p => p.ToString()));
    }
}
