using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>The switch: a bridge for each network, in a network namespace of the lab's own, with a port for each blade. Nothing leaves the namespace.</summary>
public sealed class LabNetwork
{
    private readonly LabOptions _options;
    private readonly ICommandRunner _runner;

    internal LabNetwork(LabOptions options, ICommandRunner runner) => (_options, _runner) = (options, runner);

    /// <summary>A call that runs inside the namespace.</summary>
    public ExternalCommand Inside(string program, params IReadOnlyList<string> arguments) =>
        ExternalCommand.Of("ip", ["netns", "exec", _options.Namespace, program, .. arguments]);

    /// <summary>Whether a namespace of this name exists.</summary>
    public static bool Exists(LabOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return File.Exists($"/run/netns/{options.Namespace}");
    }

    /// <summary>Bytes through the blade's port on a network, counted from 1, since the lab was made.</summary>
    public async Task<Traffic> TrafficAsync(string blade, int network = 1, CancellationToken cancellationToken = default)
    {
        _options.CheckNetwork(network);
        var result = await IpAsync(["-j", "-s", "link", "show", Port(blade, network)], cancellationToken).ConfigureAwait(false);
        using var json = JsonDocument.Parse(result.Output);
        var stats = json.RootElement[0].GetProperty("stats64");
        // Seen from the switch: what the port transmits, the blade receives.
        return new Traffic(stats.GetProperty("tx").GetProperty("bytes").GetInt64(), stats.GetProperty("rx").GetProperty("bytes").GetInt64());
    }

    internal async Task CreateAsync(CancellationToken cancellationToken)
    {
        await _runner.RunAsync(ExternalCommand.Of("ip", "netns", "add", _options.Namespace), cancellationToken).ConfigureAwait(false);
        await IpAsync(["link", "set", "lo", "up"], cancellationToken).ConfigureAwait(false);
        foreach (var network in _options.NetworkNumbers) await CreateBridgeAsync(network, cancellationToken).ConfigureAwait(false);
    }

    private async Task CreateBridgeAsync(int network, CancellationToken cancellationToken)
    {
        var bridge = string.Create(CultureInfo.InvariantCulture, $"br{network - 1}");
        // Without spanning tree and forward delay a port forwards at once; firmware gives up before a delayed one does.
        await IpAsync(["link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"], cancellationToken).ConfigureAwait(false);
        await IpAsync(["addr", "add", $"{_options.On(network, _options.HostAddress)}/{_options.Subnet.PrefixLength.ToString(CultureInfo.InvariantCulture)}", "dev", bridge], cancellationToken).ConfigureAwait(false);
        await IpAsync(["link", "set", bridge, "up"], cancellationToken).ConfigureAwait(false);
        IEnumerable<string> ports = _options.Blades.Select(b => Port(b.Name, network));
        if (_options.SanKind != SanKind.Tgt) ports = ports.Prepend(SanPort(network));
        foreach (var port in ports)
        {
            // The port outlives the machine, so that counters and a pulled cable survive a power cut.
            await IpAsync(["tuntap", "add", port, "mode", "tap"], cancellationToken).ConfigureAwait(false);
            await IpAsync(["link", "set", port, "master", bridge, "up"], cancellationToken).ConfigureAwait(false);
        }
    }

    internal Task SetCableAsync(string blade, int network, bool plugged, CancellationToken cancellationToken) =>
        IpAsync(["link", "set", Port(blade, network), plugged ? "up" : "down"], cancellationToken);

    internal static string Port(string blade, int network = 1) => network == 1 ? $"t-{blade}" : $"u-{blade}";

    /// <summary>No blade's: those begin with t- and u-.</summary>
    internal static string SanPort(int network) => string.Create(CultureInfo.InvariantCulture, $"san{network - 1}");

    private Task<CommandResult> IpAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        _runner.RunAsync(ExternalCommand.Of("ip", ["-n", _options.Namespace, .. arguments]).WithTimeout(TimeSpan.FromSeconds(30)), cancellationToken);
}
