using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab.Bench;

/// <summary>Two network namespaces and a cable between them: a server on one side, its clients on the other.</summary>
public sealed class BenchNetwork : IAsyncDisposable
{
    /// <summary>Address of the server.</summary>
    public const string ServerAddress = "10.77.0.1";

    /// <summary>Interface of the server.</summary>
    public const string ServerInterface = "vls";

    /// <summary>Interface of the clients.</summary>
    public const string ClientInterface = "vlc";

    private readonly ICommandRunner _runner;
    private readonly string _server = $"vlbs{Environment.ProcessId}";
    private readonly string _client = $"vlbc{Environment.ProcessId}";

    private BenchNetwork(ICommandRunner runner) => _runner = runner;

    /// <summary>Makes the namespaces.</summary>
    public static async Task<BenchNetwork> CreateAsync(ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        var network = new BenchNetwork(runner);
        foreach (var name in (string[])[network._server, network._client])
        {
            await network.IpAsync(["netns", "add", name], cancellationToken).ConfigureAwait(false);
            await network.IpAsync(["-n", name, "link", "set", "lo", "up"], cancellationToken).ConfigureAwait(false);
        }
        await network.IpAsync(["-n", network._server, "link", "add", ServerInterface, "type", "veth", "peer", "name", ClientInterface, "netns", network._client], cancellationToken).ConfigureAwait(false);
        await network.IpAsync(["-n", network._server, "addr", "add", $"{ServerAddress}/16", "dev", ServerInterface], cancellationToken).ConfigureAwait(false);
        await network.IpAsync(["-n", network._client, "addr", "add", "10.77.250.1/16", "dev", ClientInterface], cancellationToken).ConfigureAwait(false);
        await network.IpAsync(["-n", network._server, "link", "set", ServerInterface, "up"], cancellationToken).ConfigureAwait(false);
        await network.IpAsync(["-n", network._client, "link", "set", ClientInterface, "up"], cancellationToken).ConfigureAwait(false);
        return network;
    }

    /// <summary>A call on the clients' side.</summary>
    public ExternalCommand OnClient(string program, params IReadOnlyList<string> arguments) => ExternalCommand.Of("ip", ["netns", "exec", _client, program, .. arguments]);

    /// <summary>A call on the server's side.</summary>
    public ExternalCommand OnServer(string program, params IReadOnlyList<string> arguments) => ExternalCommand.Of("ip", ["netns", "exec", _server, program, .. arguments]);

    /// <summary>Limits what the server sends to a rate such as <c>1gbit</c>; null takes the limit off (tc-tbf(8)).</summary>
    public Task ShapeAsync(string? rate, CancellationToken cancellationToken = default) => _runner.RunAsync(
        rate is null
            ? OnServer("tc", "qdisc", "del", "dev", ServerInterface, "root")
            : OnServer("tc", "qdisc", "add", "dev", ServerInterface, "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms"),
        cancellationToken);

    /// <summary>Processor time of everything on the server's side so far, in seconds, processes that ended and were waited for included (proc_pid_stat(5)).</summary>
    public async Task<double> ServerCpuAsync(CancellationToken cancellationToken = default)
    {
        const double ticks = 100;
        var pids = await _runner.RunAsync(ExternalCommand.Of("ip", "netns", "pids", _server), cancellationToken).ConfigureAwait(false);
        double sum = 0;
        foreach (var pid in pids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var path = $"/proc/{pid}/stat";
            if (!File.Exists(path)) continue;
            var fields = (await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false)).Split(')')[^1].Split(' ');
            sum += fields[12..16].Sum(f => double.Parse(f, CultureInfo.InvariantCulture));
        }
        return sum / ticks;
    }

    /// <summary>The most memory that the processes on the server's side had in use so far, in MiB (proc_pid_status(5), VmHWM).</summary>
    public async Task<double> ServerMemoryAsync(CancellationToken cancellationToken = default)
    {
        var pids = await _runner.RunAsync(ExternalCommand.Of("ip", "netns", "pids", _server), cancellationToken).ConfigureAwait(false);
        double sum = 0;
        foreach (var pid in pids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var path = $"/proc/{pid}/status";
            if (!File.Exists(path)) continue;
            var peak = (await File.ReadAllLinesAsync(path, cancellationToken).ConfigureAwait(false)).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            sum += double.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        return sum / 1024;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await IpAsync(["netns", "delete", _server], CancellationToken.None).ConfigureAwait(false);
        await IpAsync(["netns", "delete", _client], CancellationToken.None).ConfigureAwait(false);
    }

    private Task<CommandResult> IpAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken) => _runner.RunAsync(ExternalCommand.Of("ip", arguments), cancellationToken);
}
