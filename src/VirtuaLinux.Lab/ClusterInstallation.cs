using System.Diagnostics;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>What a technician does with a bare chassis: stick into one blade, power, wait for the metamaster's word, power for the others, wait until all are nodes.</summary>
public sealed class ClusterInstallation(LabInstance lab, Action<string> log)
{
    /// <summary>What the metamaster says when its peers may be powered on.</summary>
    public const string PeersMayStart = "boot services ready";

    /// <summary>What the program says when it gives up.</summary>
    public const string Failed = "virtualinux: FAILED";

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(2);

    // How many lines of a blade's console were told since which power-on.
    private readonly Dictionary<string, (long Start, int Lines)> _told = [];

    /// <summary>Installs the site from a medium in the first blade and waits until every blade is a node that was booted over the network.</summary>
    /// <param name="medium">The installer.</param>
    /// <param name="site">What the site file says.</param>
    /// <param name="deadline">How long the whole may take.</param>
    /// <param name="cancellationToken">Ends the wait; the blades go on.</param>
    public async Task<ClusterResult> RunAsync(Medium medium, LabSiteOptions site, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(medium);
        var clock = Stopwatch.StartNew();
        var metamaster = lab.Blades[0];
        await metamaster.InsertAsync(medium, cancellationToken).ConfigureAwait(false);
        await metamaster.InsertAsync(await lab.SiteVolumeAsync(site, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        await metamaster.PowerOnAsync(cancellationToken).ConfigureAwait(false);
        log($"{metamaster.Name}: powered on with {Path.GetFileName(medium.Path)}");
        var phases = new List<ClusterPhase>();
        try
        {
            await FollowAsync(metamaster, PeersMayStart, deadline, cancellationToken).ConfigureAwait(false);
            phases.Add(new ClusterPhase("install", clock.Elapsed));
            foreach (var peer in lab.Blades.Skip(1))
            {
                await peer.PowerOnAsync(cancellationToken).ConfigureAwait(false);
                log($"{peer.Name}: powered on");
            }
            await FollowAsync(metamaster, "metamaster demoted", deadline - clock.Elapsed, cancellationToken).ConfigureAwait(false);
            phases.Add(new ClusterPhase("peers", clock.Elapsed - phases[^1].Elapsed));
            var result = await WaitForNodesAsync(lab.Blades, deadline - clock.Elapsed, cancellationToken).ConfigureAwait(false);
            phases.Add(new ClusterPhase("demotion", clock.Elapsed - phases[0].Elapsed - phases[1].Elapsed));
            return result with { Phases = phases, Elapsed = clock.Elapsed };
        }
        catch (FailureException e)
        {
            return new ClusterResult { Nodes = await lab.StatusAsync(cancellationToken).ConfigureAwait(false), Phases = phases, Elapsed = clock.Elapsed, Problem = e.Message };
        }
    }

    /// <summary>Waits until every one of these blades says that it is an ordinary node, and tells each as it comes.</summary>
    public async Task<ClusterResult> WaitForNodesAsync(IReadOnlyList<Blade> blades, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blades);
        var clock = Stopwatch.StartNew();
        var names = blades.Select(b => b.Name).ToHashSet();
        var told = new HashSet<string>();
        while (true)
        {
            var status = (await lab.StatusAsync(cancellationToken).ConfigureAwait(false)).Where(s => names.Contains(s.Name)).ToList();
            foreach (var up in status.Where(s => s.IsNode && told.Add(s.Name))) log($"{up.Name}: up, {up.Node!.Firmware}, from {up.Node.BootedFrom}, root {up.Node.RootVolume}");
            foreach (var down in status.Where(s => !s.IsNode)) told.Remove(down.Name);
            if (told.Count == blades.Count) return new ClusterResult { Nodes = status, Elapsed = clock.Elapsed };
            if (clock.Elapsed > deadline) return new ClusterResult { Nodes = status, Elapsed = clock.Elapsed, Problem = $"{string.Join(", ", names.Except(told).Order())} not up after {clock.Elapsed.TotalSeconds:0} s" };
            foreach (var blade in blades) await blade.TendAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(Poll, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells what a console shows, line by line and each line once, until it has shown a text since power-on.</summary>
    /// <exception cref="FailureException">The machine gave up, or the time is over.</exception>
    public async Task FollowAsync(Blade blade, string text, TimeSpan deadline, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(blade);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var start = blade.State.ConsoleStart;
            var told = _told.TryGetValue(blade.Name, out var before) && before.Start == start ? before.Lines : 0;
            var lines = blade.ReadConsole().Split('\n').Select(l => l.Trim()).ToList();
            // The last line may still grow.
            foreach (var line in lines[Math.Min(told, lines.Count - 1)..^1].Where(l => l.Length > 0)) log($"{blade.Name}| {line}");
            _told[blade.Name] = (start, Math.Max(told, lines.Count - 1));
            if (lines.Any(l => l.Contains(text, StringComparison.Ordinal))) return;
            if (lines.FindIndex(l => l.StartsWith(Failed, StringComparison.Ordinal)) is >= 0 and var failed) throw new FailureException($"{blade.Name}: {string.Join(' ', lines[failed..].TakeWhile(l => l.Length > 0))}");
            if (clock.Elapsed > deadline) throw new FailureException($"{blade.Name} did not show '{text}' within {deadline.TotalSeconds:0} s; its console is in {blade.ConsoleLogFile}");
            foreach (var each in lab.Blades) await each.TendAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(Poll, cancellationToken).ConfigureAwait(false);
        }
    }
}
