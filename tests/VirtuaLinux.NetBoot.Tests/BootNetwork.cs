using System.Collections.Concurrent;
using System.Diagnostics;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>A namespace with a bridge that has 192.168.77.1 and a boot server on it; clients are plugged into the bridge.</summary>
internal sealed class BootNetwork : IAsyncDisposable
{
    private static int next;
    private readonly string name = $"vlnb{Environment.ProcessId}-{Interlocked.Increment(ref next)}";
    private readonly List<string> clients = [];
    private readonly List<Process> processes = [];
    private readonly SemaphoreSlim logged = new(0);
    private readonly List<Process> servers = [];

    /// <summary>The boot servers' log so far; lines of a node's server start with its number.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Starts the network and the server; <paramref name="mode"/> is what the server's program takes.</summary>
    public static async Task<BootNetwork> StartAsync(string export, params string[] mode)
    {
        var network = new BootNetwork();
        await Ip("netns", "add", network.name);
        await network.InAsync("ip", "link", "set", "lo", "up");
        await network.InAsync("ip", "link", "add", "br0", "type", "bridge");
        await network.InAsync("ip", "address", "add", "192.168.77.1/24", "dev", "br0");
        await network.InAsync("ip", "link", "set", "br0", "up");
        network.servers.Add(Start(network.name, network.Note, Environment.ProcessPath!, ["boot-server", export, .. mode]));
        await network.WaitForLogAsync("ready");
        return network;
    }

    /// <summary>Starts a boot server on a node of its own.</summary>
    public async Task StartNodeAsync(int number, string export, params string[] mode)
    {
        var node = await AddClientAsync(TestSite.Node(number));
        await Ip("-n", node, "address", "add", $"192.168.77.{10 + number}/24", "dev", "eth0");
        servers.Add(Start(node, line => Note($"{number}: {line}"), Environment.ProcessPath!, ["boot-server", export, "peers", .. mode]));
        await WaitForLogAsync($"{number}: ready");
    }

    /// <summary>Adds a machine in a namespace of its own, with one interface <c>eth0</c>; returns the namespace's name.</summary>
    public async Task<string> AddClientAsync(MacAddress mac)
    {
        var client = $"{name}c{clients.Count}";
        await Ip("netns", "add", client);
        clients.Add(client);
        await InAsync("ip", "link", "add", $"v{clients.Count}", "type", "veth", "peer", "name", "eth0", "address", mac.ToString(), "netns", client);
        await InAsync("ip", "link", "set", $"v{clients.Count}", "master", "br0", "up");
        await Ip("-n", client, "link", "set", "lo", "up");
        await Ip("-n", client, "link", "set", "eth0", "up");
        return client;
    }

    /// <summary>Starts a program beside a client, which ends with the network.</summary>
    public void StartBeside(string client, string program, params string[] arguments) => processes.Add(Start(client, Note, program, arguments));

    /// <summary>Joins a client to another one by a second card, <c>eth1</c>, with the other's <c>eth0</c>.</summary>
    public async Task<string> AddBehindAsync(string client, MacAddress mac)
    {
        var behind = $"{name}c{clients.Count}";
        await Ip("netns", "add", behind);
        clients.Add(behind);
        await Ip("-n", client, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "address", mac.ToString(), "netns", behind);
        await Ip("-n", client, "link", "set", "eth1", "up");
        await Ip("-n", behind, "link", "set", "eth0", "up");
        return behind;
    }

    /// <summary>Ends a node's boot server as a power cut does.</summary>
    public async Task KillNodeAsync(int number)
    {
        var server = servers[number];
        await Peer.OutputAsync("kill", "-KILL", $"{server.Id}");
        await server.WaitForExitAsync();
        servers.RemoveAt(number);
    }

    /// <summary>Starts an emulated machine without a disk on the bridge.</summary>
    public async Task StartMachineAsync(MacAddress mac, string tap, params string[] arguments)
    {
        await InAsync("ip", "tuntap", "add", tap, "mode", "tap");
        await InAsync("ip", "link", "set", tap, "master", "br0", "up");
        processes.Add(Start(name, _ => { }, "qemu-system-x86_64",
            ["-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-netdev", $"tap,id=n,ifname={tap},script=no,downscript=no", "-M", "q35",
             .. arguments.Select(a => a.Replace("MAC", mac.ToString(), StringComparison.Ordinal))]));
    }

    /// <summary>Runs a program in the network's own namespace.</summary>
    public async Task InAsync(string program, params string[] arguments) => await Ip(["netns", "exec", name, program, .. arguments]);

    /// <summary>Waits until the server has logged a line with this text.</summary>
    public async Task<string> WaitForLogAsync(string text)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromMinutes(4));
        while (true)
        {
            if (Log.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line) return line;
            try
            {
                await logged.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"no line with '{text}' in the log:\n{string.Join('\n', Log)}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in processes) process.Kill();
        foreach (var server in servers) await Peer.RunAsync("kill", $"{server.Id}");
        foreach (var process in processes.Concat(servers)) await process.WaitForExitAsync();
        Assert.All(servers, s => Assert.Equal(0, s.ExitCode));
        foreach (var client in clients.Append(name)) await Ip("netns", "delete", client);
    }

    private static Task<string> Ip(params string[] arguments) => Peer.OutputAsync("ip", arguments);

    private void Note(string line)
    {
        Log.Enqueue(line);
        logged.Release();
    }

    private static Process Start(string name, Action<string> onLine, string program, IEnumerable<string> arguments)
    {
        var process = new Process { StartInfo = new ProcessStartInfo("ip", ["netns", "exec", name, program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.OutputDataReceived += (_, e) => onLine(e.Data ?? "ended");
        process.ErrorDataReceived += (_, e) => onLine(e.Data ?? "");
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
