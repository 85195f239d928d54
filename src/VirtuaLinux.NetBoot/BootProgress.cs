using System.Globalization;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot;

/// <summary>Who is at which stage of its boot, and since when: one line for each stage and machine. Thread-safe; allocates nothing while nothing changes.</summary>
/// <param name="manifest">Names of the machines.</param>
/// <param name="metrics">Takes the times.</param>
/// <param name="log">Takes the lines.</param>
/// <param name="time">The clock.</param>
public sealed class BootProgress(ManifestSource manifest, BootMetrics metrics, Action<string> log, TimeProvider? time = null)
{
    // The machines of a discovery range may be many; those of the manifest always have room.
    private const int MaximumMachines = 65536;

    private readonly TimeProvider _clock = time ?? TimeProvider.System;
    private readonly Dictionary<Ipv4Address, Place> _places = [];
    private readonly HashSet<Ipv4Address> _answered = [];
    private readonly Lock _gate = new();

    /// <summary>Where each machine is that was seen here, in order of addresses.</summary>
    public IReadOnlyList<MachineBoot> Machines
    {
        get
        {
            var now = _clock.GetTimestamp();
            lock (_gate)
                return [.. _places.OrderBy(p => p.Key).Select(p => new MachineBoot
                {
                    Name = NameOf(p.Key),
                    Address = p.Key,
                    Stage = p.Value.Stage,
                    StageSeconds = _clock.GetElapsedTime(p.Value.Since, now).TotalSeconds,
                    BootSeconds = _clock.GetElapsedTime(p.Value.Began, now).TotalSeconds,
                })];
        }
    }

    /// <summary>Whether the machine with this address was ever offered or given it, whatever it boots.</summary>
    public bool WasAnswered(Ipv4Address address)
    {
        lock (_gate) return _answered.Contains(address);
    }

    /// <summary>A DHCP reply is on its way: firmware begins a boot, and iPXE goes on with one.</summary>
    public void Note(DhcpEvent happened)
    {
        lock (_gate) _answered.Add(happened.Address);
        if (happened.Kind != DhcpEventKind.Ack) return;
        if (happened.Boot.Client is BootClient.BiosPxe or BootClient.UefiPxe or BootClient.Http) Note(happened.Address, BootStage.Firmware);
        else if (happened.Boot.Client == BootClient.Ipxe) Note(happened.Address, BootStage.Loader);
    }

    /// <summary>A machine got a file to its end.</summary>
    public void Note(Ipv4Address client, string path)
    {
        if (StageOf(path) is { } stage) Note(client, stage);
    }

    /// <summary>A machine is at a stage. An earlier one than before begins a new boot, unless it only repeats what firmware and loaders repeat.</summary>
    public void Note(Ipv4Address client, BootStage stage)
    {
        var now = _clock.GetTimestamp();
        BootStage before;
        TimeSpan spent, whole;
        lock (_gate)
        {
            var isKnown = _places.TryGetValue(client, out var place);
            if (isKnown && place.Stage == stage || !isKnown && _places.Count >= MaximumMachines) return;
            // A loader asks DHCP again, and shim is followed by GRUB: only firmware, or what comes after the end, begins anew.
            if (isKnown && stage < place.Stage && stage != BootStage.Firmware && place.Stage != BootStage.Up) return;
            var begins = !isKnown || stage < place.Stage;
            (before, spent) = (begins ? BootStage.Silent : place.Stage, begins ? TimeSpan.Zero : _clock.GetElapsedTime(place.Since, now));
            _places[client] = place = new Place(stage, now, begins ? now : place.Began);
            whole = _clock.GetElapsedTime(place.Began, now);
        }
        if (before != BootStage.Silent) metrics.Stage(before, spent);
        log(string.Create(CultureInfo.InvariantCulture, $"boot node={NameOf(client)} ip={client} stage={stage.ToString().ToLowerInvariant()} seconds={whole.TotalSeconds:0.0}"));
    }

    /// <summary>The stage that a machine is at when it has got this file; null when the file tells nothing.</summary>
    internal static BootStage? StageOf(string path)
    {
        if (!BootPath.TryNormalize(path, out var name)) return null;
        var file = name[(name.LastIndexOf('/') + 1)..];
        return file switch
        {
            "boot.ipxe" or "grub.cfg" => BootStage.Script,
            "vmlinuz" => BootStage.Kernel,
            "initrd.img" => BootStage.Initrd,
            "manifest.json" => BootStage.Manifest,
            _ when file.EndsWith(".efi", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".kpxe", StringComparison.Ordinal) || file.EndsWith(".pxe", StringComparison.Ordinal) => BootStage.Loader,
            _ => null,
        };
    }

    private string NameOf(Ipv4Address address) => manifest.Map.Find(address)?.Node.Name ?? "-";

    private readonly record struct Place(BootStage Stage, long Since, long Began);
}
