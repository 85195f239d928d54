using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Tests;

/// <summary>What fencing and the lease on the SAN ask of a target, with the kernel's initiator: two of them in a machine of their own (see <c>Machines/initiators.init</c>).</summary>
public sealed class ReservationTests
{
    private static readonly string[] s_modules = ["virtio_net", "crc32c_generic", "iscsi_tcp", "sd_mod"];
    private static readonly string[] s_programs = ["/usr/sbin/iscsid", "/usr/sbin/iscsiadm", "/usr/bin/sg_persist", "/usr/bin/sg_turs", "/usr/bin/sg_compare_and_write"];

    [Fact]
    public async Task Lio_keeps_registrations_refuses_who_has_none_and_compares_before_it_writes()
    {
        await using var fixture = await LabFixture.UpAsync(SanKind.Lio);
        var runner = new CommandRunner();
        var machine = new KernelMachine
        {
            Folder = Path.Combine(fixture.Options.StateDirectory, "initiators"),
            Name = "initiators",
            Ports = [LabNetwork.Port("node01")],
            Mac = fixture.Options.Blades[0].Mac,
            MemoryMiB = 256,
        };
        await SmallSystem.MakeAsync(machine.Folder, LabFixture.Iso, s_modules, s_programs, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Machines/initiators.init")), runner);
        var process = await machine.StartAsync(fixture.Lab.Network, Accelerator.Tcg, runner);
        await machine.WaitForConsoleAsync(process, "= the SAN may lose its power", Deadline.Firmware);
        await fixture.Lab.San.StopAsync();
        // Stays away until the initiators have missed it.
        await Condition.WaitAsync("the initiators to miss the SAN", Deadline.Firmware, () => Task.FromResult(File.ReadAllText(machine.ConsoleLog).Contains("100% packet loss", StringComparison.Ordinal)));
        await fixture.Lab.San.StartAsync();
        var console = await machine.WaitForConsoleAsync(process, "= end", Deadline.Firmware);
        // 24: wrong secret (iscsi_err.h); 24 and 14 of sg3_utils(8): reservation conflict, miscompare.
        Assert.Equal(
            """
            = login with a wrong secret: 24
            = login with the right secret: 0
            = WWID: naa.60000000000000000000000000ab00a0
            = sectors: 524288
            = node01 registers: 0
            = registered after logout and login: 0x1
            = node01 registers: 0
            = node01 preempts its older key: 0
            = registered after that: 0x11
            = node01 reserves: 0
            = node02 writes unregistered: 1
            = node01 writes: 0
            = node02 registers: 0
            = node02 writes: 0
            = node01 preempts node02 and aborts: 0
            = node02 writes after that: 1
            = registered after that: 0x11
            = node02 registers: 0
            = node01 leaves it the reservation: 0
            = node01 registers: 0
            = node01 registers: 0
            = node01 preempts its older key: 0
            = registered after that: 0x22 0x12
            = node01 writes: 1
            = node01 preempts node02: 24
            = node01 ends its registration: 0
            = node02 still keeps others out: 1
            = node01 registers: 0
            = node01 writes: 0
            = node01 preempts node02: 0
            = compare and write: 0
            = compare and write once more: 14
            = node01 registers for good: 0
            = the SAN may lose its power
            = registered after the SAN lost its power: 0x3
            = node02 writes unregistered: 1
            = node01 writes: 0
            = end
            """,
            string.Join('\n', console.Split('\n').Where(l => l.StartsWith("= ", StringComparison.Ordinal))));
    }
}
