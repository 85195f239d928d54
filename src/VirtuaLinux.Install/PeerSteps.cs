using System.Collections.Concurrent;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The steps that bring the peers up and hand the boot services over to them.</summary>
public sealed class PeerSteps(InstallContext context)
{
    private const int MaximumReport = 16 << 10;

    private const int HandOverAttempts = 12;

    private static readonly TimeSpan HandOverPause = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan DhcpPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<MacAddress, Ipv4Address> _reported = new();

    private readonly Dictionary<string, NodeStatus> _up = [];

    /// <summary>The peers that were up when it went on, with what they said.</summary>
    public IReadOnlyDictionary<string, NodeStatus> Up => _up;

    /// <summary>Serves boot until enough peers run from their own roots.</summary>
    /// <exception cref="FailureException">A service cannot start.</exception>
    public async Task BringUpAsync(CancellationToken cancellationToken)
    {
        var (state, manifest) = NodeBoot.ReadSite(context.Disk);
        await ReportForeignDhcpAsync(manifest, cancellationToken).ConfigureAwait(false);
        await using var peers = new PeerWatch(manifest, context.Self);
        peers.Follow(manifest);
        var discovery = manifest.ClusterNetwork.Discovery is { } range ? new DiscoveryPool(range) : null;
        var reports = new BootUpload { Path = "/report", MaximumLength = MaximumReport, Receive = ReceiveReport };
        await using var services = new SiteServices(state, manifest, context.Self, $"{Metamaster.BootMount}/export", Status, () => [context.Self.Cluster.Ip], context.Console.Log, discovery: discovery, uploads: [reports]);
        await services.Server.StartAsync(cancellationToken).ConfigureAwait(false);
        context.Console.Say($"boot services ready: power the other machines on now ({manifest.Nodes.Count - 1} peers)");
        await WaitForPeersAsync(peers, manifest, services.Server, cancellationToken).ConfigureAwait(false);
        foreach (var node in manifest.Nodes)
            if (services.Server.Served[node.Cluster.Ip] is > 0 and var bytes) context.Console.Say($"  {node.Name}: {new ByteSize(bytes).ToRoundedString()} served over TFTP and HTTP");
    }

    /// <summary>Sees that each peer that is up serves boot files and holds the manifest that is on the SAN.</summary>
    /// <exception cref="FailureException">Too few do: this machine must not demote itself.</exception>
    public async Task HandOverAsync(CancellationToken cancellationToken)
    {
        var state = NodeBoot.ReadState(context.Disk);
        var peers = context.Site.Nodes.Select(ManifestNode.From).Where(n => n.Name != context.Self.Name).ToList();
        if (peers.Count == 0)
        {
            context.Console.Say("a site of one: the next start needs the starter, since no peer can serve this machine");
            return;
        }
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(10) };
        // Who was accepted as missing may still come: all that are up must be ready, and the others are told.
        var wanted = _up.Count;
        var ready = 0;
        for (var attempt = 1; ready < wanted; attempt++)
        {
            if (attempt > HandOverAttempts) throw new FailureException($"{ready} of {wanted} peers serve boot: this machine stays the metamaster; look at the peers' consoles and start it again");
            if (attempt > 1) await Task.Delay(HandOverPause, cancellationToken).ConfigureAwait(false);
            ready = 0;
            foreach (var peer in peers)
            {
                var verdict = await ProbeAsync(client, peer, state, cancellationToken).ConfigureAwait(false);
                context.Console.Say($"  {peer.Name}: {verdict ?? "serves boot and holds the manifest"}");
                if (verdict is null) ready++;
            }
        }
    }

    private async Task WaitForPeersAsync(PeerWatch peers, Manifest manifest, BootServer server, CancellationToken cancellationToken)
    {
        var others = manifest.Nodes.Where(n => n.Name != context.Self.Name).ToList();
        var wanted = Math.Min(context.Site.Answers?.AcceptPeers ?? int.MaxValue, others.Count);
        var next = DateTime.UtcNow + ReportInterval;
        using var questions = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<string?>? accepts = null;
        while (_up.Count < wanted)
        {
            foreach (var (name, status) in peers.Alive)
                if (status is { Role: "node", State: "up" } && _up.TryAdd(name, status))
                    context.Console.Say($"  {name} is up: {status.Firmware}, from {status.BootedFrom}, root {status.RootVolume} ({_up.Count} of {others.Count})");
            if (DateTime.UtcNow > next)
            {
                context.Console.Say($"  waiting for {string.Join(", ", others.Select(n => n.Name).Where(n => !_up.ContainsKey(n)))}");
                next = DateTime.UtcNow + ReportInterval;
                // With one peer that serves boot the others can come later; without a person, only the site file's answer counts.
                if (_up.Count > 0 && context.Site.Answers is null) accepts ??= context.Console.AskAsync("Type 'accept' to go on without them; they join by themselves later:", Timeout.InfiniteTimeSpan, questions.Token);
            }
            if (accepts is { IsCompleted: true })
            {
                if (await accepts.ConfigureAwait(false) == "accept") break;
                accepts = null;
            }
            await Task.Delay(500, cancellationToken).ConfigureAwait(false);
        }
        await questions.CancelAsync().ConfigureAwait(false);
        var initrd = new ByteSize(new FileInfo($"{Metamaster.BootMount}/export/initrd.img").Length);
        foreach (var missing in others.Where(n => !_up.ContainsKey(n.Name)))
            context.Console.Say($"  {missing.Name} is missing: {new MissingPeer(missing, server.Progress.WasAnswered(missing.Cluster.Ip), new ByteSize(server.Served[missing.Cluster.Ip]), initrd).Verdict()} It joins by itself when it is powered on");
    }

    private static async Task<string?> ProbeAsync(HttpClient client, ManifestNode peer, SanState state, CancellationToken cancellationToken)
    {
        try
        {
            var manifest = await client.GetByteArrayAsync(new Uri($"http://{peer.Cluster.Ip}/manifest.json"), cancellationToken).ConfigureAwait(false);
            if (!manifest.AsSpan().SequenceEqual(state.SignedManifest)) return "holds another manifest";
            using var head = new HttpRequestMessage(HttpMethod.Head, new Uri($"http://{peer.Cluster.Ip}/boot/initrd.img"));
            using var answer = await client.SendAsync(head, cancellationToken).ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? null : $"does not serve the initrd ({(int)answer.StatusCode})";
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return $"does not answer: {e.Message}";
        }
    }

    private bool ReceiveReport(Ipv4Address sender, ReadOnlyMemory<byte> body)
    {
        try
        {
            if (JsonSerializer.Deserialize(body.Span, NodeJson.Default.MachineReport) is not { } report) return false;
            if (!_reported.TryAdd(report.Mac, sender)) return true;
            context.Console.Say(Printable($"a machine that is not in the site waits at {sender}: {{ name: nodeNN, mac: \"{report.Mac}\", ip: … }}; {$"{report.Product} {report.SerialNumber}".Trim()}, {report.Cpus} × {report.Cpu}, {report.Memory.ToRoundedString()}, disks: {(report.Disks.Count == 0 ? "none" : string.Join(", ", report.Disks))}"));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // What an unknown machine says goes to a terminal.
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private NodeStatus Status() => new()
    {
        Name = context.Self.Name,
        State = "bringing peers up",
        Role = "metamaster",
        Firmware = Directory.Exists("/sys/firmware/efi") ? "UEFI" : "BIOS",
        BootedFrom = "installer",
        ImageVersion = context.Image.Image.ToString(),
        Uptime = RootAssembly.Uptime(),
    };

    private async Task ReportForeignDhcpAsync(Manifest manifest, CancellationToken cancellationToken)
    {
        var name = NetworkLink.Interfaces().First(i => i.Value == context.Self.Cluster.Mac).Key;
        var members = manifest.Nodes.Select(n => n.Cluster.Ip).ToHashSet();
        foreach (var server in (await DhcpProbe.FindServersAsync(name, context.Self.Cluster.Mac, DhcpPatience, cancellationToken).ConfigureAwait(false)).Where(s => !members.Contains(s)))
            context.Console.Say($"WARNING: another DHCP server, {server}, answers on {name}: machines may boot from it instead; switch it off, or put the cluster on a network of its own");
    }
}
