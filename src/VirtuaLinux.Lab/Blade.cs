using System.Text.Json.Nodes;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Tier 1: an emulated machine without disks, driven as a technician drives one: power, media, cable, console.</summary>
public sealed partial class Blade
{
    private static readonly TimeSpan PressAgain = TimeSpan.FromSeconds(20);

    private readonly LabStore _store;
    private readonly LabNetwork _network;
    private readonly ICommandRunner _runner;

    internal Blade(BladeOptions options, LabStore store, LabNetwork network, ICommandRunner runner)
    {
        Options = options;
        _store = store;
        _network = network;
        _runner = runner;
    }

    /// <summary>How the blade is made.</summary>
    public BladeOptions Options { get; }

    /// <summary>Its name.</summary>
    public string Name => Options.Name;

    private LabOptions Lab => _store.Read().Options;

    private string Directory => LabPaths.BladeDirectory(Lab, Name);

    /// <summary>What the lab remembers of the blade.</summary>
    public BladeState State => _store.Read().Blades.GetValueOrDefault(Name) ?? new BladeState();

    /// <summary>Whether the machine has power.</summary>
    public bool IsOn => State.Machine is { IsAlive: true };

    /// <summary>Whether the machine runs.</summary>
    public async Task<PowerState> PowerAsync(CancellationToken cancellationToken = default)
    {
        if (!IsOn) return PowerState.Off;
        try
        {
            var status = await QmpAsync("query-status", null, cancellationToken).ConfigureAwait(false);
            return status.GetProperty("running").GetBoolean() ? PowerState.On : PowerState.Paused;
        }
        catch (FailureException) when (!IsOn)
        {
            return PowerState.Off;
        }
    }

    /// <summary>Switches the blade on; does nothing when it is on.</summary>
    public async Task PowerOnAsync(CancellationToken cancellationToken = default)
    {
        if (IsOn) return;
        var lab = Lab;
        System.IO.Directory.CreateDirectory(Directory);
        System.IO.Directory.CreateDirectory(LabPaths.RunOf(lab));
        PrepareFirmware(lab);
        var media = State.Media;
        for (var i = 0; i < media.Count; i++)
            if (!File.Exists(BladeMachine.FileOf(media[i], i, Directory))) throw new FailureException($"{Name}: the medium {media[i].Path} is not there");
        var traffic = await _network.TrafficAsync(Name, cancellationToken: cancellationToken).ConfigureAwait(false);
        var log = new FileInfo(LabPaths.ConsoleLog(lab, Name));
        var start = log.Exists ? log.Length : 0;
        var now = TimeProvider.System.GetUtcNow();
        var events = BladeMachine.EventsPath(lab, Options);
        File.Delete(events + ".in");
        await File.WriteAllTextAsync(events + ".out", "", cancellationToken).ConfigureAwait(false);
        await _runner.RunAsync(ExternalCommand.Of("mkfifo", events + ".in"), cancellationToken).ConfigureAwait(false);
        var arguments = BladeMachine.Arguments(lab, Options, _store.Read().Accelerator, media);
        await _runner.RunAsync(_network.Inside("qemu-system-x86_64", arguments).WithTimeout(TimeSpan.FromSeconds(60)), cancellationToken).ConfigureAwait(false);
        var machine = LabProcess.FromFile(Path.Combine(Directory, "qemu.pid")) ?? throw new FailureException($"{Name}: the emulator ended at once");
        var pipe = new FileStream(events + ".in", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        await using (pipe.ConfigureAwait(false))
            await pipe.WriteAsync("{\"execute\":\"qmp_capabilities\"}\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { Machine = machine, PoweredOnAt = now, ConsoleStart = start, TrafficStart = traffic }, cancellationToken).ConfigureAwait(false);
        foreach (var network in State.PulledCables) await SetLinkAsync(network, false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Cuts the power: nothing is flushed, nobody is told.</summary>
    public async Task PowerCutAsync(CancellationToken cancellationToken = default)
    {
        if (State.Machine is not { } machine) return;
        await machine.KillAsync(cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { Machine = null, PoweredOnAt = null }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Presses the power button (ACPI) and waits until the machine is off; as a person does, it presses again when nothing happens: a node that has just booted does not hear it yet.</summary>
    /// <exception cref="FailureException">It is still on after <paramref name="deadline"/>.</exception>
    public async Task PowerOffAsync(TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        if (!IsOn) return;
        long? pressed = null;
        await WaitForPowerOffAsync(deadline, async () =>
        {
            if (pressed is { } time && TimeProvider.System.GetElapsedTime(time) < PressAgain) return;
            pressed = TimeProvider.System.GetTimestamp();
            try
            {
                await QmpAsync("system_powerdown", null, cancellationToken).ConfigureAwait(false);
            }
            catch (FailureException) when (!IsOn)
            {
                // It went off just now.
            }
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until the machine has switched itself off.</summary>
    public Task WaitForPowerOffAsync(TimeSpan deadline, CancellationToken cancellationToken = default) => WaitForPowerOffAsync(deadline, () => Task.CompletedTask, cancellationToken);

    private async Task WaitForPowerOffAsync(TimeSpan deadline, Func<Task> meanwhile, CancellationToken cancellationToken)
    {
        await Condition.WaitAsync($"{Name} to be off", deadline, async () =>
        {
            await TendAsync(cancellationToken).ConfigureAwait(false);
            if (!IsOn) return true;
            await meanwhile().ConfigureAwait(false);
            return false;
        }, cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { Machine = null, PoweredOnAt = null }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Presses the reset button.</summary>
    public Task ResetAsync(CancellationToken cancellationToken = default) => QmpAsync("system_reset", null, cancellationToken);

    /// <summary>Stops the processors, as a machine that hangs.</summary>
    public Task PauseAsync(CancellationToken cancellationToken = default) => QmpAsync("stop", null, cancellationToken);

    /// <summary>Lets a paused machine go on.</summary>
    public Task ContinueAsync(CancellationToken cancellationToken = default) => QmpAsync("cont", null, cancellationToken);

    /// <summary>Pulls the cable of a network, counted from 1.</summary>
    public Task PullCableAsync(int network = 1, CancellationToken cancellationToken = default) => SetCableAsync(network, false, cancellationToken);

    /// <summary>Plugs the cable of a network in again.</summary>
    public Task PlugCableAsync(int network = 1, CancellationToken cancellationToken = default) => SetCableAsync(network, true, cancellationToken);

    /// <summary>Bytes through the port on the boot network since power-on.</summary>
    public async Task<Traffic> TrafficAsync(CancellationToken cancellationToken = default)
    {
        var now = await _network.TrafficAsync(Name, cancellationToken: cancellationToken).ConfigureAwait(false);
        return now.Since(State.TrafficStart);
    }

    /// <summary>Saves the screen as a PNG file.</summary>
    public Task ScreenshotAsync(string path, CancellationToken cancellationToken = default) =>
        QmpAsync("screendump", new JsonObject { ["filename"] = Path.GetFullPath(path), ["format"] = "png" }, cancellationToken);

    private async Task SetCableAsync(int network, bool plugged, CancellationToken cancellationToken)
    {
        Lab.CheckNetwork(network);
        await _network.SetCableAsync(Name, network, plugged, cancellationToken).ConfigureAwait(false);
        // The card sees its link go, as it would; the switch's port alone would only lose packets.
        if (IsOn) await SetLinkAsync(network, plugged, cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { PulledCables = plugged ? [.. s.PulledCables.Where(n => n != network)] : [.. s.PulledCables.Append(network).Distinct().Order()] }, cancellationToken).ConfigureAwait(false);
    }

    private async Task SetLinkAsync(int network, bool up, CancellationToken cancellationToken) =>
        await QmpAsync("set_link", new JsonObject { ["name"] = LabOptions.NetworkName(network), ["up"] = up }, cancellationToken).ConfigureAwait(false);

    private void PrepareFirmware(LabOptions lab)
    {
        if (Options.Firmware == Firmware.Bios)
        {
            File.WriteAllBytes(Path.Combine(LabPaths.RunOf(lab), "sercon-port"), [0xf8, 0x03]); // COM1, little endian
            return;
        }
        var variables = Path.Combine(Directory, "uefi-variables.fd");
        if (File.Exists(variables)) return;
        if (!File.Exists(BladeMachine.OvmfVariables)) throw new FailureException($"{BladeMachine.OvmfVariables} is missing: install the package ovmf");
        File.Copy(BladeMachine.OvmfVariables, variables);
    }

    private async Task<System.Text.Json.JsonElement> QmpAsync(string command, JsonObject? arguments, CancellationToken cancellationToken)
    {
        if (!IsOn) throw new FailureException($"{Name} is off");
        using var machine = await QmpClient.ConnectAsync(LabPaths.QmpSocket(Lab, Name), cancellationToken).ConfigureAwait(false);
        return await machine.ExecuteAsync(command, arguments, cancellationToken).ConfigureAwait(false);
    }

    private Task<LabState> UpdateAsync(Func<BladeState, BladeState> change, CancellationToken cancellationToken) =>
        _store.UpdateAsync(s => s with { Blades = new Dictionary<string, BladeState>(s.Blades) { [Name] = change(s.Blades.GetValueOrDefault(Name) ?? new BladeState()) } }, cancellationToken);
}
