using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The machines that asked and are not in the manifest, in order of their arrival; bounded, thread-safe.</summary>
public sealed class Discoveries(TimeProvider? time = null)
{
    // Forged MAC addresses must not fill the memory: who was silent longest is forgotten first.
    private const int MaximumMachines = 4096;
    private const int LongestText = 64;

    private readonly TimeProvider _clock = time ?? TimeProvider.System;
    private readonly Dictionary<MacAddress, DiscoveredMachine> _machines = [];
    private readonly Dictionary<MacAddress, long> _heard = [];
    private readonly Lock _gate = new();

    /// <summary>The machines, the first one first.</summary>
    public IReadOnlyList<DiscoveredMachine> Machines
    {
        get
        {
            lock (_gate) return [.. _machines.Values.OrderBy(m => m.FirstSeen)];
        }
    }

    /// <summary>Notes what a machine says of itself when it asks for the first time, or says more than before.</summary>
    public void Note(in DhcpMessage request, Ipv4Address? address, bool isRefused)
    {
        lock (_gate)
        {
            var isKnown = _machines.TryGetValue(request.ClientMac, out var known);
            if (isKnown && known!.Address == address && known.IsRefused == isRefused && (known.Architecture is not null || !request.TryGetOption(DhcpOption.ClientArchitecture, out _)))
            {
                _heard[request.ClientMac] = _clock.GetTimestamp();
                return;
            }
            if (!isKnown && _machines.Count >= MaximumMachines) Forget(_heard.MinBy(h => h.Value).Key);
            _heard[request.ClientMac] = _clock.GetTimestamp();
            Span<byte> value = stackalloc byte[255];
            var uuid = value[..request.CopyOption(DhcpOption.ClientMachineIdentifier, value)] is { Length: 17 } id && id[0] == 0 ? new Guid(id[1..], bigEndian: true).ToString() : known?.Uuid;
            var architecture = value[..request.CopyOption(DhcpOption.ClientArchitecture, value)] is { Length: >= 2 } list ? list[0] << 8 | list[1] : known?.Architecture;
            var port = PortOf(value[..request.CopyOption(DhcpOption.RelayAgentInformation, value)]) ?? known?.Port;
            _machines[request.ClientMac] = new DiscoveredMachine
            {
                Mac = request.ClientMac,
                Uuid = uuid,
                Architecture = architecture,
                Port = port,
                VendorClass = Text(value[..request.CopyOption(DhcpOption.VendorClass, value)]) ?? known?.VendorClass,
                Address = address,
                IsRefused = isRefused,
                FirstSeen = known?.FirstSeen ?? _clock.GetUtcNow(),
            };
        }
    }

    /// <summary>Forgets machines that are in the manifest now.</summary>
    public void Forget(StaticMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        lock (_gate)
            foreach (var mac in _machines.Keys.Where(m => map.Find(m) is not null).ToList()) Forget(mac);
    }

    private void Forget(MacAddress mac)
    {
        _machines.Remove(mac);
        _heard.Remove(mac);
    }

    /// <summary>Sub-options 1 (circuit) and 2 (remote) of RFC 3046, as text where they are text.</summary>
    private static string? PortOf(ReadOnlySpan<byte> relay)
    {
        string? circuit = null, remote = null;
        var rest = new DhcpOptionReader(relay);
        while (rest.MoveNext())
        {
            if (rest.Code == (DhcpOption)1) circuit ??= TextOrHex(rest.Value);
            if (rest.Code == (DhcpOption)2) remote ??= TextOrHex(rest.Value);
        }
        return (remote, circuit) switch { (null, null) => null, (null, _) => circuit, (_, null) => remote, _ => $"{remote}/{circuit}" };
    }

    private static string TextOrHex(ReadOnlySpan<byte> value) => Text(value) is { } text && !text.Contains('?', StringComparison.Ordinal) ? text : Convert.ToHexStringLower(value);

    // What an unknown machine says goes to terminals and logs.
    private static string? Text(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return null;
        var text = new StringBuilder();
        foreach (var b in value[..Math.Min(value.Length, LongestText)]) text.Append(b is >= (byte)' ' and <= (byte)'~' and not ((byte)'"' or (byte)'\\') ? (char)b : '?');
        return text.ToString();
    }
}
