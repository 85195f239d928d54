using System.Text.Json;

namespace VirtuaLinux.Lab;

/// <summary>What a machine wrote to its event log since power-on (QEMU's docs/interop, QMP events), reduced to what a technician acts on.</summary>
/// <param name="OpenTrays">Ids of the devices whose tray stands open because the machine ejected them.</param>
/// <param name="Halt">Why the machine stands still and waits for the technician; null when it does not.</param>
internal sealed record MachineEvents(IReadOnlySet<string> OpenTrays, MachineHalt? Halt)
{
    /// <summary>Reads the log; a last line that is not complete yet is left for the next time.</summary>
    public static MachineEvents Parse(string log)
    {
        var open = new HashSet<string>();
        MachineHalt? halt = null;
        foreach (var line in log[..(log.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            if (!json.RootElement.TryGetProperty("event", out var name)) continue;
            var data = json.RootElement.TryGetProperty("data", out var d) ? d : default;
            switch (name.GetString())
            {
                case "DEVICE_TRAY_MOVED" when data.GetProperty("tray-open").GetBoolean():
                    open.Add(data.GetProperty("id").GetString()!);
                    break;
                case "DEVICE_TRAY_MOVED":
                    open.Remove(data.GetProperty("id").GetString()!);
                    break;
                case "SHUTDOWN":
                    halt = data.GetProperty("reason").GetString() is "guest-shutdown" ? MachineHalt.PowerOff : MachineHalt.Reset;
                    break;
                case "RESUME":
                    halt = null;
                    break;
            }
        }
        return new MachineEvents(open, halt);
    }

    /// <summary>Whether the machine ejected the medium in this device. A stick's drive has a name below that of its device.</summary>
    public bool Ejected(string device) => OpenTrays.Any(id => id == device || id.Contains($"/{device}/", StringComparison.Ordinal));
}
