using VirtuaLinux.Host;
using VirtuaLinux.Lab;
using VirtuaLinux.Model;

namespace VirtuaLinux.EndToEnd;

/// <summary>A lab of its own in a temporary folder, with the installer that the build made.</summary>
public sealed class TestLab : IAsyncDisposable
{
    // ssh(1): its own errors, not the command's.
    private const int NoConnection = 255;

    private readonly string _folder;

    private TestLab(LabInstance lab, string folder)
    {
        Lab = lab;
        _folder = folder;
        Cluster = new ClusterInstallation(lab, line => Console.Error.WriteLine(line));
    }

    public LabInstance Lab { get; }

    public ClusterInstallation Cluster { get; }

    /// <summary>The installer ISO; <c>./build.sh --target=Image</c> makes it.</summary>
    public static string Iso => Path.Combine(Root, "artifacts/images/debian-13.iso");

    /// <summary>What the build says of the image in it.</summary>
    public static string ImageInfo => InfoOf(Iso);

    /// <summary>What the build says of the image in an installer ISO.</summary>
    public static string InfoOf(string iso) => Path.ChangeExtension(iso, "json");

    private static string Root => Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!;

    /// <summary>Builds another image of the same distribution, as a vendor does: with one line of its definition changed.</summary>
    /// <param name="line">The line, such as <c>rootSize: 576MiB</c>.</param>
    /// <returns>The installer ISO.</returns>
    public static async Task<string> BuildAsync(string line)
    {
        var product = Path.Combine(Root, "artifacts/tests/product");
        if (Directory.Exists(product)) Directory.Delete(product, recursive: true);
        var images = Directory.CreateDirectory(Path.Combine(product, "images")).FullName;
        foreach (var folder in (string[])["overlays", "templates"]) Directory.CreateSymbolicLink(Path.Combine(product, folder), Path.Combine(Root, folder));
        var key = line[..(line.IndexOf(':', StringComparison.Ordinal) + 1)];
        var lines = await File.ReadAllLinesAsync(Path.Combine(Root, "images/debian-13.yaml"));
        await File.WriteAllLinesAsync(Path.Combine(images, "debian-13.yaml"), [.. lines.Where(l => !l.StartsWith(key, StringComparison.Ordinal)), line]);
        var build = ExternalCommand.Of(Path.Combine(Root, "artifacts/publish/virtualinux"), "build", "debian-13", "--output", Path.Combine(product, "output"), "--cache", Path.Combine(Root, "artifacts/cache"));
        await new CommandRunner().RunAsync(build.WithEnvironment("VIRTUALINUX_SHARE", product).WithTimeout(TimeSpan.FromMinutes(20)));
        return Path.Combine(product, "output/debian-13.iso");
    }

    public static async Task<TestLab> CreateAsync(string name, IReadOnlyList<Firmware> firmware, ByteSize? san = null, int networks = 1, SanKind kind = SanKind.Tgt)
    {
        if (!File.Exists(Iso)) throw new FailureException($"{Iso} is missing; run ./build.sh --target=Image first");
        var folder = await EmptyFolderAsync(name);
        var options = new LabOptions { StateDirectory = folder, Name = name, Blades = LabOptions.NumberedBlades(firmware), ProbeKernel = Iso, Networks = networks, SanKind = kind };
        if (san is { } size) options = options with { SanSize = size };
        return new TestLab(await LabInstance.CreateAsync(options), folder);
    }

    /// <summary>A lab over a copy of another one's SAN, all machines off.</summary>
    public static async Task<TestLab> ForkAsync(string original, string name, IReadOnlyList<BladeOptions>? blades = null, SanKind? san = null)
    {
        var folder = await EmptyFolderAsync(name);
        return new TestLab(await LabInstance.ForkAsync(original, folder, name, blades: blades, san: san), folder);
    }

    /// <summary>The start after a blackout: the stick and the site's volume in one machine, power for it and for others.</summary>
    public Task<ClusterResult> StartFromStickAsync(string starter, params IReadOnlyList<string> others) => StartFromStickAsync(Iso, starter, others);

    /// <summary>The same with a stick of another image.</summary>
    public async Task<ClusterResult> StartFromStickAsync(string iso, string starter, IReadOnlyList<string> others)
    {
        await Lab[starter].InsertAsync(Medium.UsbStick(iso));
        await Lab[starter].InsertAsync(await Lab.SiteVolumeAsync(new LabSiteOptions()));
        List<Blade> blades = [Lab[starter], .. others.Select(o => Lab[o])];
        foreach (var blade in blades) await blade.PowerOnAsync();
        var result = await Cluster.WaitForNodesAsync(blades, InstalledCluster.Deadline);
        Assert.Null(result.Problem);
        Assert.All(result.Nodes, n => Assert.Equal(n.Name == starter ? "starter" : "network", n.Node!.BootedFrom));
        return result;
    }

    /// <summary>Cuts a machine's power while it does what a line of its console announced, however short that is: the SAN is let go in slices too short for it to end.</summary>
    public async Task CutDuringAsync(Blade blade, string line)
    {
        for (var slice = 0; ; slice++)
        {
            await Lab.San.PauseAsync();
            // What was answered before the pause may still lead to a line.
            await Task.Delay(50);
            if (blade.ReadConsole().Contains(line, StringComparison.Ordinal)) break;
            Assert.True(slice < 10_000, $"{blade.Name} did not show '{line}'");
            await Lab.San.ResumeAsync();
            await Task.Delay(20);
        }
        await blade.PowerCutAsync();
        await Lab.San.ResumeAsync();
    }

    /// <summary>Runs a command on a node and gives its output; it must succeed.</summary>
    public async Task<string> OnNodeAsync(string node, params string[] command)
    {
        var result = await RunOnNodeAsync(node, command);
        Assert.True(result.ExitCode == 0, $"{node}: {string.Join(' ', command)}: exit code {result.ExitCode}: {result.Error}{result.Output}");
        return result.Output.Trim();
    }

    /// <summary>Runs a command on a node, however it ends. A node boots others before its SSH answers, so that is waited for.</summary>
    public async Task<CommandResult> RunOnNodeAsync(string node, params string[] command)
    {
        CommandResult result = null!;
        await Condition.WaitAsync($"SSH of {node}", InstalledCluster.Deadline, async () => (result = await Lab.SshAsync(Lab[node], command)).ExitCode != NoConnection);
        return result;
    }

    private static async Task<string> EmptyFolderAsync(string name)
    {
        var folder = Path.Combine(Root, "artifacts/tests/labs", name);
        await LabInstance.DownAsync(folder);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        return folder;
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DownAsync();
        // The logs of consoles stay for whoever looks into a failure; the disks do not.
        foreach (var file in Directory.EnumerateFiles(_folder, "*.img", SearchOption.AllDirectories).ToList()) File.Delete(file);
    }
}
