using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>The switch: a bridge in a network namespace of the lab's own, with a port for each blade. Nothing leaves the namespace.</summary>
public sealed class LabNetwork
{
    internal const string SanPort = "san0"; // no blade's: those begin with t-

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

    /// <summary>Bytes through the blade's port since the lab was made.</summary>
    public async Task<Traffic> TrafficAsync(string blade, CancellationToken cancellationToken = default)
    {
        var result = await IpAsync(["-j", "-s", "link", "show", Port(blade)], cancellationToken).ConfigureAwait(false);
        using var json = JsonDocument.Parse(result.Output);
        var stats = json.RootElement[0].GetProperty("stats64");
        // Seen from the switch: what the port transmits, the blade receives.
        return new Traffic(stats.GetProperty("tx").GetProperty("bytes").GetInt64(), stats.GetProperty("rx").GetProperty("bytes").GetInt64());
    }

    internal async Task CreateAsync(CancellationToken cancellationToken)
    {
        await _runner.RunAsync(ExternalCommand.Of("ip", "netns", "add", _options.Namespace), cancellationToken).ConfigureAwait(false);
        await IpAsync(["link", "set", "lo", "up"], cancellationToken).ConfigureAwait(false);
        // Without spanning tree and forward delay a port forwards at once; firmware gives up before a delayed one does.
        await IpAsync(["link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"], cancellationToken).ConfigureAwait(false);
        await IpAsync(["addr", "add", $"{_options.HostAddress}/{_options.Subnet.PrefixLength.ToString(CultureInfo.InvariantCulture)}", "dev", "br0"], cancellationToken).ConfigureAwait(false);
        await IpAsync(["link", "set", "br0", "up"], cancellationToken).ConfigureAwait(false);
        IEnumerable<string> ports = _options.Blades.Select(b => Port(b.Name));
        if (_options.SanKind == SanKind.Lio) ports = ports.Prepend(SanPort);
        foreach (var port in ports)
        {
            // The port outlives the machine, so that counters and a pulled cable survive a power cut.
            await IpAsync(["tuntap", "add", port, "mode", "tap"], cancellationToken).ConfigureAwait(false);
            await IpAsync(["link", "set", port, "master", "br0", "up"], cancellationToken).ConfigureAwait(false);
        }
    }

    internal Task SetCableAsync(string blade, bool plugged, CancellationToken cancellationToken) =>
        IpAsync(["link", "set", Port(blade), plugged ? "up" : "down"], cancellationToken);

    internal static string Port(string blade) => $"t-{blade}";

    private Task<CommandResult> IpAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        _runner.RunAsync(ExternalCommand.Of("ip", ["-n", _options.Namespace, .. arguments]).WithTimeout(TimeSpan.FromSeconds(30)), cancellationToken);
}
