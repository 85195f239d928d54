using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Bench;

/// <summary>The boot services beside their peers: the same hosts, files and clients, one after the other in one run. Values are medians of alternating rounds.</summary>
/// <param name="program">Our program.</param>
/// <param name="runner">Runs programs.</param>
/// <param name="log">Takes a line for each measurement.</param>
/// <param name="rounds">How often TFTP and HTTP are measured.</param>
/// <param name="only"><c>dhcp</c>, <c>tftp</c> or <c>http</c>; null for all.</param>
public sealed partial class NetBootBench(string program, ICommandRunner runner, Action<string> log, int rounds = 3, string? only = null)
{
    private const string Own = "virtualinux", NoLogic = "no logic";
    private const int Hosts = 4000, ManyHosts = 100_000, ManyHostsRate = 8000, Seconds = 3, AvalancheClients = 1000, Files = 100, MemoryFiles = 400, MemoryLimit = 100;

    private static readonly int[] s_rates = [250, 500, 2000, 4000, 5000, 6000, 7000, 8000, 10_000, 12_000, 14_000, 17_000];

    // Packages of the peers, and where one lies that cannot be installed beside another.
    private static readonly (string Program, string Package)[] s_peers = [("kea-dhcp4", "kea-dhcp4-server"), ("dnsmasq", "dnsmasq-base"), ("in.tftpd", "tftpd-hpa"), ("atftpd", "atftpd"), ("nginx", "nginx-light"), ("perfdhcp", "kea-admin"), ("ab", "apache2-utils")];

    private readonly List<BenchRow> _rows = [];
    private readonly List<string> _notes = [];
    private BenchNetwork _network = null!;
    private BenchFiles _files = null!;

    /// <summary>Measures everything.</summary>
    public async Task<BenchReport> RunAsync(CancellationToken cancellationToken = default)
    {
        foreach (var (name, package) in s_peers)
            if (Find(name) is null) _notes.Add($"{name} is not there, and its rows are missing: apt-get install {package}{(name == "atftpd" ? " (it cannot be installed beside tftpd-hpa: name an unpacked one in VIRTUALINUX_PEERS)" : "")}");
        using var files = _files = await BenchFiles.CreateAsync(Hosts, cancellationToken).ConfigureAwait(false);
        _network = await BenchNetwork.CreateAsync(runner, cancellationToken).ConfigureAwait(false);
        await using (_network.ConfigureAwait(false))
        {
            if (only is null or "dhcp") await DhcpAsync(cancellationToken).ConfigureAwait(false);
            if (only is null or "tftp") await TftpAsync(cancellationToken).ConfigureAwait(false);
            if (only is null or "http") await HttpAsync(cancellationToken).ConfigureAwait(false);
        }
        return new BenchReport { Time = TimeProvider.System.GetUtcNow(), Machine = $"{Environment.ProcessorCount} processors, {Environment.OSVersion.VersionString}", Rows = _rows, Notes = _notes };
    }

    private async Task DhcpAsync(CancellationToken cancellationToken)
    {
        if (Find("perfdhcp") is null) return;
        Dictionary<string, double> best = [], lossFree = [], avalanche = [];
        Dictionary<string, Dictionary<int, double>> costs = [];
        foreach (var (name, start) in DhcpServers())
        {
            await using var server = await start(cancellationToken).ConfigureAwait(false);
            foreach (var rate in s_rates)
            {
                var (reached, sent, dropped, used) = await LoadAsync(rate, cancellationToken).ConfigureAwait(false);
                // The load generator itself loses packets when it is kept from its processor: whoever lost some has a second try.
                if (dropped >= sent / 100 && await LoadAsync(rate, cancellationToken).ConfigureAwait(false) is var second && second.Rate > reached) (reached, sent, dropped, used) = second;
                log($"dhcp {name}: {reached:0} exchanges/s of {rate}, {100 * dropped / Math.Max(1, sent):0.0} % lost, {1e6 * used / Math.Max(1, reached * Seconds):0} µs each");
                best[name] = Math.Max(best.GetValueOrDefault(name), reached);
                if (dropped < sent / 100) lossFree[name] = reached;
                if (dropped < sent / 100) (costs.TryGetValue(name, out var known) ? known : costs[name] = [])[rate] = 1e6 * used / Math.Max(1, reached * Seconds);
                if (reached < 0.6 * rate) break;
            }
            if (await AvalancheAsync(cancellationToken).ConfigureAwait(false) is { } time) avalanche[name] = time;
            else _notes.Add($"{name} did not serve {AvalancheClients} clients that start together within a minute");
        }
        var kea = best.GetValueOrDefault("kea");
        var goal = kea > 0 ? Math.Min(3 * kea, 0.9 * best[NoLogic]) : 0.9 * best[NoLogic];
        Add("DHCP, best rate", "exchanges/s", best, best[Own] / goal, $"min(3 × kea, 0.9 × no logic) = {goal:0}", 1);
        if (kea > 0)
        {
            Add("DHCP, rate without loss (under 1 %)", "exchanges/s", lossFree, lossFree[Own] / lossFree["kea"], "2 × kea, or what the instrument does without loss", Math.Min(2, 0.95 * lossFree[NoLogic] / lossFree["kea"]));
            var rate = costs["kea"].Keys.Intersect(costs[Own].Keys).Max();
            Add($"DHCP, processor time of an exchange at {rate}/s", "µs", costs.Where(c => c.Value.ContainsKey(rate)).ToDictionary(c => c.Key, c => c.Value[rate]), costs[Own][rate] / costs["kea"][rate], "at most a third of kea", 1.0 / 3, atMost: true);
        }
        await ManyHostsAsync(costs[Own], cancellationToken).ConfigureAwait(false);
        Add($"DHCP, {AvalancheClients} clients at once", "s", avalanche, null, "all served", null);
    }

    /// <summary>The same rate with twenty-five times as many hosts.</summary>
    private async Task ManyHostsAsync(Dictionary<int, double> few, CancellationToken cancellationToken)
    {
        using var files = await BenchFiles.CreateAsync(ManyHosts, cancellationToken).ConfigureAwait(false);
        await using var server = await StartAsync(_network.OnServer(program, "serve", "--site", files["site.yaml"], "--root", files.Root), cancellationToken).ConfigureAwait(false);
        // The first round is that of the log's lines.
        await PerfdhcpAsync(ManyHostsRate, cancellationToken, ManyHosts).ConfigureAwait(false);
        var before = await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false);
        var (reached, _, _) = await PerfdhcpAsync(ManyHostsRate, cancellationToken).ConfigureAwait(false);
        var cost = 1e6 * (await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false) - before) / Math.Max(1, reached * Seconds);
        Add($"DHCP, processor time of an exchange at {ManyHostsRate}/s by number of hosts", "µs", new Dictionary<string, double> { [$"{Hosts} hosts"] = few[ManyHostsRate], [$"{ManyHosts} hosts"] = cost }, cost / few[ManyHostsRate], "no difference (within 1.25)", 1.25, atMost: true);
    }

    private IEnumerable<(string Name, Func<CancellationToken, Task<BenchServer>> Start)> DhcpServers()
    {
        yield return (NoLogic, c => StartAsync(_network.OnServer(program, "bench", "reflect", "dhcp", BenchNetwork.ServerInterface), c));
        yield return (Own, StartOwnAsync);
        if (Find("kea-dhcp4") is { } kea)
            yield return ("kea", c => StartAsync(_network.OnServer(kea, "-c", _files["kea.json"]).WithEnvironment("KEA_LOCKFILE_DIR", _files.Folder).WithEnvironment("KEA_PIDFILE_DIR", _files.Folder), c));
        if (Find("dnsmasq") is { } dnsmasq) yield return ("dnsmasq", c => StartAsync(_network.OnServer(dnsmasq, "--keep-in-foreground", $"--conf-file={_files["dnsmasq.conf"]}", $"--pid-file={_files["dnsmasq.pid"]}", "--user=root"), c));
    }

    private Task<BenchServer> StartOwnAsync(CancellationToken cancellationToken) =>
        StartAsync(_network.OnServer(program, "serve", "--site", _files["site.yaml"], "--root", _files.Root), cancellationToken);

    /// <summary>Starts a server and waits until it listens at a UDP or TCP port of its own.</summary>
    private Task<BenchServer> StartAsync(ExternalCommand command, CancellationToken cancellationToken) => BenchServer.StartAsync(runner, command, async () =>
    {
        var udp = await runner.RunAsync(_network.OnServer("cat", "/proc/net/udp"), cancellationToken).ConfigureAwait(false);
        var tcp = await runner.RunAsync(_network.OnServer("cat", "/proc/net/tcp"), cancellationToken).ConfigureAwait(false);
        // DHCP is the last that our own server binds: 67 is 0043, 69 is 0045, 80 is 0050.
        return udp.Output.Contains(":0043 ", StringComparison.Ordinal) || udp.Output.Contains(":0045 ", StringComparison.Ordinal) && !command.Arguments.Contains("serve") || tcp.Output.Contains(":0050 ", StringComparison.Ordinal) && !command.Arguments.Contains("serve");
    }, cancellationToken);

    private async Task<(double Rate, double Sent, double Dropped, double Cpu)> LoadAsync(int rate, CancellationToken cancellationToken)
    {
        var before = await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false);
        var (reached, sent, dropped) = await PerfdhcpAsync(rate, cancellationToken).ConfigureAwait(false);
        return (reached, sent, dropped, await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false) - before);
    }

    private async Task<(double Rate, double Sent, double Dropped)> PerfdhcpAsync(int rate, CancellationToken cancellationToken, int hosts = Hosts)
    {
        var result = await runner.RunAsync(_network.OnClient("perfdhcp", "-4", "-l", BenchNetwork.ClientInterface, "-b", $"mac={new MacAddress(BenchFiles.FirstMac)}", "-R", Text(hosts), "-r", Text(rate), "-p", Text(Seconds), "-W", "500000").Accepting(), cancellationToken).ConfigureAwait(false);
        var numbers = Sent().Matches(result.Output).Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        var drops = Drops().Matches(result.Output).Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        var reached = Rate().Match(result.Output) is { Success: true } match ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        return (reached, numbers.FirstOrDefault(), drops.Sum());
    }

    private async Task<double?> AvalancheAsync(CancellationToken cancellationToken)
    {
        // timeout(1) rather than ours: a server that never serves all of them is a result and no failure.
        var result = await runner.RunAsync(_network.OnClient("timeout", "60", "perfdhcp", "-4", "--scenario", "avalanche", "-l", BenchNetwork.ClientInterface, "-b", $"mac={new MacAddress(BenchFiles.FirstMac)}", "-R", Text(AvalancheClients)).Accepting(), cancellationToken).ConfigureAwait(false);
        var match = Avalanche().Match(result.Output + result.Error);
        if (!match.Success) return null;
        log($"dhcp avalanche: {match.Value}");
        return TimeSpan.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture).TotalSeconds;
    }

    private async Task TftpAsync(CancellationToken cancellationToken)
    {
        (string Measure, string File, int Block, int Window, int Parallel)[] loads =
        [
            ("TFTP, one stream, blksize 512", "loader", 512, 1, 1),
            ("TFTP, one stream, blksize 1468", "loader", 1468, 1, 1),
            ("TFTP, one stream, blksize 512, windowsize 64", "loader", 512, 64, 1),
            ("TFTP, one stream, blksize 1468, windowsize 64", "loader", 1468, 64, 1),
            ($"TFTP, {Files} files of 2 MiB at once", "part", 1468, 1, Files),
        ];
        var many = loads[^1];
        var speed = loads.ToDictionary(l => l.Measure, _ => new Dictionary<string, List<double>>());
        var cpu = loads.ToDictionary(l => l.Measure, _ => new Dictionary<string, List<double>>());
        Dictionary<string, double> memory = [];
        for (var round = 1; round <= rounds; round++)
            foreach (var (name, command) in TftpServers())
            {
                await using var server = await StartAsync(command, cancellationToken).ConfigureAwait(false);
                foreach (var load in loads)
                {
                    // Only ours and atftpd know windows, and what has no logic knows one load.
                    if (load.Window > 1 && name is not (Own or "atftpd") || name == NoLogic && load != many) continue;
                    if (await TftpLoadAsync($"{load.Measure}: {name}", load.File, load.Block, load.Window, load.Parallel, cancellationToken).ConfigureAwait(false) is not var (rate, used)) continue;
                    log($"{load.Measure}: {name}: {rate:0.0} MB/s, {used:0.0} ms of processor time a MB");
                    Note(speed[load.Measure], name, rate);
                    Note(cpu[load.Measure], name, used);
                }
                // The first round is that of a server which has done the loads above; peers that fork share most of what they count.
                if (round > 1 || name is NoLogic or "tftp-hpa" || await TftpLoadAsync($"{MemoryFiles} at once: {name}", "part", 1468, 1, MemoryFiles, cancellationToken).ConfigureAwait(false) is null) continue;
                memory[name] = await _network.ServerMemoryAsync(cancellationToken).ConfigureAwait(false);
                log($"tftp memory: {name}: {memory[name]:0.0} MiB");
            }
        Add($"TFTP, memory with {MemoryFiles} files at once", "MiB", memory, memory[Own] * (1 << 20) / (MemoryLimit * 1e6), $"under {MemoryLimit} MB", 1, atMost: true);
        foreach (var load in loads)
        {
            // in.tftpd gives each transfer to a process that outlives it by a while: what it used is not to be had in time.
            cpu[load.Measure].Remove("tftp-hpa");
            var (values, costs) = (Medians(speed[load.Measure]), Medians(cpu[load.Measure]));
            var best = values.Where(v => v.Key is not (Own or NoLogic)).OrderByDescending(v => v.Value).Select(v => v.Key).FirstOrDefault();
            var cheapest = costs.Where(c => c.Key is not (Own or NoLogic)).OrderByDescending(c => values[c.Key]).Select(c => c.Key).FirstOrDefault();
            if (load.Window > 1)
            {
                var single = Medians(speed[loads.First(l => l.Block == load.Block).Measure])[Own];
                Add(load.Measure, "MB/s", values, values[Own] / single, $"5 × our own lock-step ({single:0.0})", 5);
                continue;
            }
            if (load == many)
            {
                var goal = Math.Min(best is null ? double.PositiveInfinity : 1.5 * values[best], 0.9 * values[NoLogic]);
                Add(load.Measure, "MB/s", values, values[Own] / goal, $"min(1.5 × the best peer, 0.9 × no logic) = {goal:0}", 1);
                continue;
            }
            Add(load.Measure, "MB/s", values, best is null ? null : values[Own] / values[best], "1.2 × the best peer", 1.2);
            Add($"{load.Measure}, processor time", "ms/MB", costs, cheapest is null ? null : costs[Own] / costs[cheapest], "at most 1.5 × the best peer", 1.5, atMost: true);
        }
    }

    /// <summary>One load; null when the server fails, which is a result and no failure.</summary>
    /// <returns>MB/s, and milliseconds of the server's processor time for each MB.</returns>
    private async Task<(double Rate, double Used)?> TftpLoadAsync(string what, string file, int block, int window, int parallel, CancellationToken cancellationToken)
    {
        var before = await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false);
        var result = await runner.RunAsync(_network.OnClient(program, "bench", "tftp-load", BenchNetwork.ServerAddress, file, Text(block), Text(window), Text(parallel)).Accepting().WithTimeout(TimeSpan.FromMinutes(2)), cancellationToken).ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            log($"{what}: {result.Error.Trim()}");
            return null;
        }
        var numbers = result.Output.Split(' ');
        var megabytes = double.Parse(numbers[0], CultureInfo.InvariantCulture) / 1e6;
        var used = (await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false) - before) * 1000 / megabytes;
        return (megabytes / double.Parse(numbers[1], CultureInfo.InvariantCulture), used);
    }

    private IEnumerable<(string Name, ExternalCommand Command)> TftpServers()
    {
        yield return (NoLogic, _network.OnServer(program, "bench", "reflect", "tftp", BenchNetwork.ServerAddress, Text(BenchFiles.PartLength), "1468"));
        yield return (Own, _network.OnServer(program, "serve", "--site", _files["site.yaml"], "--root", _files.Root));
        if (Find("in.tftpd") is { } hpa) yield return ("tftp-hpa", _network.OnServer(hpa, "--foreground", "--address", $"{BenchNetwork.ServerAddress}:69", "--user", "root", "--secure", _files.Root));
        if (Find("atftpd") is { } atftpd) yield return ("atftpd", _network.OnServer(atftpd, "--daemon", "--no-fork", "--user", "root", "--group", "root", "--bind-address", BenchNetwork.ServerAddress, "--maxthread", "1000", "--verbose=0", _files.Root));
        if (Find("dnsmasq") is { } dnsmasq) yield return ("dnsmasq", _network.OnServer(dnsmasq, "--keep-in-foreground", $"--conf-file={_files["dnsmasq.conf"]}", $"--pid-file={_files["dnsmasq.pid"]}", "--user=root"));
    }

    private async Task HttpAsync(CancellationToken cancellationToken)
    {
        if (Find("ab") is null) return;
        Dictionary<string, List<double>> free = [], shaped = [], cpu = [];
        for (var round = 1; round <= rounds; round++)
            foreach (var (name, command) in HttpServers())
            {
                await using var server = await StartAsync(command, cancellationToken).ConfigureAwait(false);
                var before = await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false);
                var rate = await ApacheBenchAsync(100, cancellationToken).ConfigureAwait(false);
                var used = await _network.ServerCpuAsync(cancellationToken).ConfigureAwait(false) - before;
                Note(free, name, rate);
                Note(cpu, name, used / (100 * 40 / 1024.0));
                await _network.ShapeAsync("1gbit", cancellationToken).ConfigureAwait(false);
                var limited = await ApacheBenchAsync(20, cancellationToken).ConfigureAwait(false);
                await _network.ShapeAsync(null, cancellationToken).ConfigureAwait(false);
                Note(shaped, name, limited);
                log($"http {name}: {rate:0} MB/s, {used:0.0} s of processor time; at 1 Gbit/s {limited:0.0} MB/s");
            }
        var (values, limits, costs) = (Medians(free), Medians(shaped), Medians(cpu));
        var hasPeer = values.ContainsKey("nginx");
        Add("HTTP, 100 clients load 40 MiB each", "MB/s", values, hasPeer ? values[Own] / values["nginx"] : null, "0.9 × nginx", 0.9);
        Add("HTTP, 20 clients at 1 Gbit/s", "MB/s", limits, hasPeer ? limits[Own] / limits["nginx"] : null, "as nginx", 0.98);
        Add("HTTP, processor time", "s/GiB", costs, costs[Own], "at most 1.5 s", 1.5, atMost: true);
    }

    private IEnumerable<(string Name, ExternalCommand Command)> HttpServers()
    {
        yield return (Own, _network.OnServer(program, "serve", "--site", _files["site.yaml"], "--root", _files.Root));
        if (Find("nginx") is { } nginx) yield return ("nginx", _network.OnServer(nginx, "-c", _files["nginx.conf"]));
    }

    private async Task<double> ApacheBenchAsync(int clients, CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(_network.OnClient("ab", "-q", "-n", Text(clients), "-c", Text(clients), $"http://{BenchNetwork.ServerAddress}/boot/initrd.img").WithTimeout(TimeSpan.FromMinutes(3)), cancellationToken).ConfigureAwait(false);
        return double.Parse(TransferRate().Match(result.Output).Groups[1].Value, CultureInfo.InvariantCulture) * 1024 / 1e6;
    }

    private void Add(string measure, string unit, IReadOnlyDictionary<string, double> values, double? ratio, string goal, double? bound, bool atMost = false) =>
        _rows.Add(new BenchRow { Measure = measure, Unit = unit, Values = values, Ratio = ratio, Goal = goal, IsMet = ratio is null || bound is null ? null : atMost ? ratio <= bound : ratio >= bound });

    private static void Note(Dictionary<string, List<double>> values, string name, double value)
    {
        if (!values.TryGetValue(name, out var list)) values[name] = list = [];
        list.Add(value);
    }

    private static Dictionary<string, double> Medians(Dictionary<string, List<double>> values) => values.ToDictionary(v => v.Key, v => v.Value.Order().ElementAt(v.Value.Count / 2));

    /// <summary>A peer's program: of the machine, or below the folder that VIRTUALINUX_PEERS names.</summary>
    private static string? Find(string name)
    {
        string[] folders = ["/usr/sbin", "/usr/bin", .. Environment.GetEnvironmentVariable("VIRTUALINUX_PEERS") is { Length: > 0 } peers ? (string[])[Path.Combine(peers, "usr/sbin")] : []];
        return folders.Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Rate: ([\d.]+) 4-way")]
    private static partial Regex Rate();

    [GeneratedRegex(@"sent packets: (\d+)")]
    private static partial Regex Sent();

    [GeneratedRegex(@"drops: (\d+)")]
    private static partial Regex Drops();

    [GeneratedRegex(@"It took ([\d:.]+) to provision (\d+) clients")]
    private static partial Regex Avalanche();

    [GeneratedRegex(@"Transfer rate:\s+([\d.]+)")]
    private static partial Regex TransferRate();
}
