using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>An emulated machine that starts a kernel without firmware or media (see <see cref="SmallSystem"/>).</summary>
internal sealed record KernelMachine
{
    /// <summary>Folder with <c>vmlinuz</c> and <c>initrd.img</c>, and where <c>console.log</c> of the last start goes.</summary>
    public required string Folder { get; init; }

    /// <summary>Name of the process's machine.</summary>
    public required string Name { get; init; }

    /// <summary>The taps in the lab's namespace, one for each network, that its cards are joined to.</summary>
    public required IReadOnlyList<string> Ports { get; init; }

    /// <summary>Hardware address of its card on the boot network.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>Memory in MiB.</summary>
    public int MemoryMiB { get; init; } = 192;

    /// <summary>Further devices, as arguments of QEMU.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>The serial console's log.</summary>
    public string ConsoleLog => Path.Combine(Folder, "console.log");

    /// <summary>Switches it on.</summary>
    public async Task<LabProcess> StartAsync(LabNetwork network, Accelerator accelerator, ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        var pidFile = Path.Combine(Folder, "qemu.pid");
        await runner.RunAsync(network.Inside("qemu-system-x86_64",
        [
            "-daemonize", "-pidfile", pidFile, "-name", Name,
            .. BladeMachine.Processor(accelerator), "-m", MemoryMiB.ToString(CultureInfo.InvariantCulture),
            "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", Path.Combine(Folder, "vmlinuz"), "-initrd", Path.Combine(Folder, "initrd.img"), "-append", "console=ttyS0 panic=-1 quiet",
            "-serial", $"file:{ConsoleLog}",
            "-device", "virtio-rng-pci",
            .. Ports.SelectMany((port, i) => BladeMachine.Card(port, i + 1, "virtio-net-pci" + BladeMachine.NoRom, Mac)),
            .. Devices,
        ]).WithTimeout(TimeSpan.FromSeconds(60)), cancellationToken).ConfigureAwait(false);
        return LabProcess.FromFile(pidFile) ?? throw new FailureException($"{Name}: the emulator ended at once; its console is in {ConsoleLog}");
    }

    /// <summary>Waits until the console has shown a text since the start.</summary>
    /// <returns>The whole console.</returns>
    /// <exception cref="FailureException">The deadline passed or the machine went off; the message has the console's last lines.</exception>
    public async Task<string> WaitForConsoleAsync(LabProcess process, string text, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        var console = "";
        try
        {
            await Condition.WaitAsync($"'{text}'", deadline, () =>
            {
                var isOn = process.IsAlive; // asked before the log is read: what a machine wrote last must count
                console = File.Exists(ConsoleLog) ? ConsoleText.Clean(File.ReadAllBytes(ConsoleLog)) : "";
                if (console.Contains(text, StringComparison.Ordinal)) return Task.FromResult(true);
                return isOn ? Task.FromResult(false) : throw new FailureException("it went off");
            }, cancellationToken).ConfigureAwait(false);
            return console;
        }
        catch (FailureException e)
        {
            throw new FailureException($"{Name}: {e.Message}; its console ended with:\n{string.Join('\n', console.Split('\n').TakeLast(20))}", e);
        }
    }
}
