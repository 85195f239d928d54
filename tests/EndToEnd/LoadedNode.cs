using System.Text;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>A node whose root is written to by loads that acknowledge, all at once, and beside them by one that waits for nothing.</summary>
/// <param name="Blade">The node.</param>
/// <param name="Loads">What writes.</param>
public sealed record LoadedNode(Blade Blade, IReadOnlyList<AcknowledgedLoad> Loads)
{
    /// <summary>Writes as fast as the SAN takes them.</summary>
    public const string HeavyWrites = "while :; do dd if=/dev/urandom of=/srv/late bs=64k count=64 oflag=direct conv=notrunc; done";

    /// <summary>Lets a node write until its power is cut; each load's first steps are acknowledged.</summary>
    public static async Task<LoadedNode> StartAsync(TestLab lab, string node, params IReadOnlyList<AcknowledgedLoad> loads)
    {
        var started = new LoadedNode(lab.Lab[node], loads);
        var commands = loads.Select(l => l.Write("/srv", "/dev/ttyS0")).Prepend(HeavyWrites);
        await lab.OnNodeAsync(node, "sudo", "sh", "-ec", string.Join('\n', commands.Select(c => $"systemd-run --quiet sh -c \"$(echo {Convert.ToBase64String(Encoding.UTF8.GetBytes(c))} | base64 -d)\"")));
        await started.WaitForMoreAsync([.. loads.Select(_ => 0)]);
        return started;
    }

    /// <summary>Each load's last step that the console was told of since power-on.</summary>
    public IReadOnlyList<int> Acknowledged()
    {
        var console = Blade.ReadConsole();
        return [.. Loads.Select(l => l.Acknowledged(console))];
    }

    /// <summary>Waits until each load has some more steps acknowledged than a number of them.</summary>
    public Task WaitForMoreAsync(IReadOnlyList<int> steps) =>
        Condition.WaitAsync($"{Blade.Name} to go on writing behind {string.Join(", ", steps)}", InstalledCluster.Deadline,
            () => Task.FromResult(Acknowledged().Zip(steps).Zip(Loads).All(l => l.First.First >= l.First.Second + l.Second.Some)));

    /// <summary>Sees that so many steps of each load are there.</summary>
    /// <param name="lab">Where the volumes are mapped now.</param>
    /// <param name="node">The node that has them mapped.</param>
    /// <param name="steps">How many were acknowledged when the power was cut.</param>
    /// <param name="root">Where the root of the node that wrote them is mounted.</param>
    public Task<string> CompareAsync(TestLab lab, string node, IReadOnlyList<int> steps, string root = "") =>
        lab.OnNodeAsync(node, "sudo", "sh", "-c", string.Join(" && ", Loads.Zip(steps, (l, n) => $"{{ {l.Check($"{root}/srv", n)}; }}")));
}
