using System.Globalization;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>Blades that start at once from one origin: what each reads, when it lets somebody log in, and how long it stood still for want of a block.</summary>
public sealed class BootTests
{
    // Since the kernel's start: the sectors that came from the SAN, and the microseconds in which some process, and in which every process, waited for a block (Linux, Documentation/accounting/psi.rst).
    private const string Figures = """
        disk=$(basename "$(readlink -f /dev/disk/by-path/*-lun-1 | head -1)")
        awk -v d=$disk '$3 == d { printf "%d ", $6 * 512 }' /proc/diskstats
        sed 's/.*total=//' /proc/pressure/io | tr '\n' ' '
        systemctl show -P ActiveEnterTimestampMonotonic systemd-user-sessions.service
        """;

    [Fact, Trait("Category", "Soak")]
    public async Task One_two_and_four_blades_start_at_once_and_waiting_for_the_SAN_is_the_least_of_it()
    {
        await using var lab = await TestLab.CreateAsync("boots", [.. Enumerable.Repeat(Firmware.Bios, 5)], ByteSize.FromMiB(8192));
        Assert.Null((await lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions(), InstalledCluster.Deadline)).Problem);
        // The one that was the metamaster serves the others.
        var others = lab.Lab.Blades.Skip(1).ToList();
        await OffAsync(others);
        foreach (var count in (int[])[1, 2, 4])
        {
            var blades = others.Take(count).ToList();
            foreach (var blade in blades) await blade.PowerOnAsync();
            Assert.Null((await lab.Cluster.WaitForNodesAsync(blades, InstalledCluster.Deadline)).Problem);
            foreach (var blade in blades)
            {
                await Condition.WaitAsync($"login on {blade.Name}", InstalledCluster.Deadline, async () => (await lab.OnNodeAsync(blade.Name, "sh", "-c", "systemctl is-active systemd-user-sessions || true")) == "active");
                var figures = (await lab.OnNodeAsync(blade.Name, "sh", "-c", Figures)).Split(' ', '\n').Select(f => double.Parse(f, CultureInfo.InvariantCulture)).ToArray();
                var (read, some, full, login) = (figures[0], figures[1] / 1e6, figures[2] / 1e6, figures[3] / 1e6);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"boots: {count} at once: {blade.Name} read {read / (1 << 20):0.0} MiB from the SAN, login {login:0.0} s after its kernel started; some process waited for a block {some:0.0} s of that, all of them {full:0.0} s"));
                Assert.InRange(read, 1 << 20, 512 << 20);
            }
            await OffAsync(blades);
        }
    }

    private static Task OffAsync(IReadOnlyList<Blade> blades) => Task.WhenAll(blades.Select(b => b.PowerOffAsync(TimeSpan.FromMinutes(4))));
}
