using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Three bare machines, two with BIOS and one with UEFI, that were installed from the ISO once. Scenarios that hurt the cluster fork its dark SAN.</summary>
public sealed class InstalledCluster : IAsyncLifetime
{
    /// <summary>How long anything may take here: ten times what it takes on an idle machine with two cores.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(20);

    private const int LongestLoad = 5_000;

    private readonly Dictionary<string, string> _identities = [];

    private readonly List<(LoadedNode Node, IReadOnlyList<int> Steps)> _written = [];

    public TestLab Lab { get; private set; } = null!;

    public ClusterResult Result { get; private set; } = null!;

    /// <summary>What each node must keep for ever, once the cluster is dark: host key, machine-id, and a file that it wrote into its root.</summary>
    public IReadOnlyDictionary<string, string> Identities => _identities;

    public async ValueTask InitializeAsync()
    {
        Lab = await TestLab.CreateAsync("e2e", [Firmware.Bios, Firmware.Bios, Firmware.Uefi]);
        Result = await Lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions(), Deadline);
    }

    /// <summary>What the nodes wrote when the power went, and how many steps of it they were told to be on disk.</summary>
    public IReadOnlyList<(LoadedNode Node, IReadOnlyList<int> Steps)> Written => _written;

    /// <summary>A lab of its own over a copy of this cluster's SAN, all its machines off. The first call takes the cluster's power, for good, while all nodes write.</summary>
    /// <param name="name">Name of the lab.</param>
    /// <param name="blades">Other machines in front of the same SAN; the same ones unless given.</param>
    /// <param name="san">Another kind of array with the same content.</param>
    public async Task<TestLab> ForkAsync(string name, IReadOnlyList<BladeOptions>? blades = null, SanKind? san = null)
    {
        Assert.Null(Result.Problem);
        if (_identities.Count == 0)
        {
            foreach (var blade in Lab.Lab.Blades)
            {
                await Lab.OnNodeAsync(blade.Name, "sudo", "sh", "-c", "hostname > /srv/mine && sync -f /srv");
                _identities[blade.Name] = await IdentityAsync(Lab, blade.Name);
            }
            await BlackOutAsync();
            await Lab.Lab.DownAsync();
        }
        return await TestLab.ForkAsync(Lab.Lab.Options.StateDirectory, name, blades, san);
    }

    /// <summary>The array restarts while all nodes write; they go on, and lose their power while they do.</summary>
    private async Task BlackOutAsync()
    {
        var random = Chance.Create();
        var loaded = new List<LoadedNode>();
        foreach (var blade in Lab.Lab.Blades) loaded.Add(await LoadedNode.StartAsync(Lab, blade.Name, new StreamLoad(random), new PagesLoad(random)));
        await Task.Delay(random.Next(LongestLoad));
        await Lab.Lab.San.StopAsync();
        var before = loaded.Select(n => n.Acknowledged()).ToList();
        await Lab.Lab.San.StartAsync();
        foreach (var (node, steps) in loaded.Zip(before)) await node.WaitForMoreAsync(steps);
        await Task.Delay(random.Next(LongestLoad));
        foreach (var node in loaded)
        {
            await node.Blade.PowerCutAsync();
            _written.Add((node, node.Acknowledged()));
        }
    }

    /// <summary>See <see cref="Identities"/>, as a node of any lab has it now.</summary>
    public static Task<string> IdentityAsync(TestLab lab, string node) => lab.OnNodeAsync(node, "cat", "/local/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id", "/srv/mine");

    public ValueTask DisposeAsync() => Lab?.DisposeAsync() ?? ValueTask.CompletedTask;
}
