using System.Diagnostics;
using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Bench;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Node.Bench;

/// <summary>The part of <c>virtualinux bench storage</c> that runs in the blade's initrd: it lays the LUN out as an installation does, maps each device as a node does, and lets fio and bonnie++ loose on it.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="note">Takes each figure: device, load, MB/s.</param>
/// <param name="log">Takes what bonnie++ says in full.</param>
public sealed class StorageBlade(ICommandRunner runner, Action<string, string, double> note, Action<string> log)
{
    /// <summary>Where the programs, their libraries and the job files are.</summary>
    public const string Folder = "/bench";

    private const string Node = "node01", Mount = "/mnt", RootDevice = "vl-root", Pool = "vl-pool", Data = "vl-data", Metadata = "vl-meta", Plain = "vl-local";
    private const string DropCaches = "/proc/sys/vm/drop_caches";
    private const int BonnieMiB = 192;

    private static readonly ImageVersion s_image = new("bench", "1");
    private static readonly ByteSize s_fileSystem = ByteSize.FromMiB(640);

    // A node that has changed 2 GB.
    private const string Changed = "node02";
    private const int ChangedBlocks = 2 << 30 >> 16;
    private static readonly ThinRoot s_root = new(0, IsUsed: false, IsPoolUsed: false, []);
    private static readonly ByteSize s_changedRoot = ByteSize.FromMiB(2304);

    private static readonly (string Name, ByteSize Size)[] s_existing = [("existing", ByteSize.FromMiB(96)), ("cached", ByteSize.FromMiB(48)), ("whole", ByteSize.FromMiB(24)), ("random", ByteSize.FromMiB(192))];

    private readonly DeviceMapper _mapper = new(runner);
    private string _raw = "", _origin = "";
    private NodeVolumes _volumes = null!;
    private VolumeGroup _group = null!;

    /// <summary>Measures each device in each round, all devices of a round after each other.</summary>
    /// <param name="san">The LUN; everything on it is overwritten.</param>
    /// <param name="secret">CHAP secret.</param>
    /// <param name="link">MAC address and address of this machine's interface.</param>
    /// <param name="devices">What is measured.</param>
    /// <param name="rounds">How often.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The SAN cannot be reached, or a program failed.</exception>
    public async Task RunAsync(SiteSan san, string? secret, (MacAddress Mac, Ipv4Address Address, Ipv4Subnet Subnet) link, IReadOnlyList<StorageDevice> devices, int rounds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(devices);
        var coldplug = new Coldplug(runner);
        await coldplug.LoadAsync(cancellationToken).ConfigureAwait(false);
        await RunAsync("modprobe", cancellationToken, "dm_snapshot").ConfigureAwait(false);
        await new NetworkLink(runner, coldplug).UpAsync(link.Mac, link.Address, link.Subnet, null, cancellationToken).ConfigureAwait(false);
        var transport = ISanTransport.Of(runner, san);
        var disk = await transport.LoginAsync(transport.NameOf("bench", Node, link.Mac), secret, cancellationToken).ConfigureAwait(false);
        await LayOutAsync(disk, cancellationToken).ConfigureAwait(false);
        await MapChangedAsync(note, cancellationToken).ConfigureAwait(false);
        // The first time does not count: an emulator translates each piece of code when it runs for the first time.
        await RunAsync(devices[0] with { Name = "warm-up" }, (_, _, _) => { }, cancellationToken).ConfigureAwait(false);
        for (var round = 0; round < rounds; round++)
            foreach (var device in devices) await RunAsync(device, note, cancellationToken).ConfigureAwait(false);
    }

    private async Task RunAsync(StorageDevice device, Action<string, string, double> report, CancellationToken cancellationToken)
    {
        var path = await MapAsync(device, cancellationToken).ConfigureAwait(false);
        if (device.ReadAheadKiB is { } readAhead) await RunAsync("blockdev", cancellationToken, "--setra", Text(readAhead * 2), path).ConfigureAwait(false);
        await MountAsync(path, cancellationToken).ConfigureAwait(false);
        await MeasureAsync(device, report, cancellationToken).ConfigureAwait(false);
        await RunAsync("umount", cancellationToken, Mount).ConfigureAwait(false);
        foreach (var name in (string[])[RootDevice, Pool, Data, Metadata, Plain]) await _mapper.RemoveAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The partitions and volumes of a site of one node, and behind them a partition that device-mapper has nothing to do with.</summary>
    private async Task LayOutAsync(string disk, CancellationToken cancellationToken)
    {
        var partition = SanLayout.Partition(disk, 3);
        _raw = SanLayout.Partition(disk, 4);
        await SfdiskAsync(SanLayout.PartitionScript(), cancellationToken, "--wipe", "always", "--wipe-partitions", "always", disk).ConfigureAwait(false);
        using (var lun = BlockDevice.Open(disk, writable: false))
            await SfdiskAsync(string.Create(CultureInfo.InvariantCulture, $",{(lun.Size - SanLayout.Overhead.Bytes - s_fileSystem.Bytes) / 512}\n"), cancellationToken, "-N", "3", disk).ConfigureAwait(false);
        await SfdiskAsync(",\n", cancellationToken, "--append", disk).ConfigureAwait(false);
        await RunAsync("blockdev", cancellationToken, "--rereadpt", disk).ConfigureAwait(false);
        for (var wait = 0; wait < 100 && !File.Exists(_raw); wait++) await Task.Delay(100, cancellationToken).ConfigureAwait(false);

        var lvm = new LvmTools(runner, partition);
        await lvm.CreateAsync(cancellationToken).ConfigureAwait(false);
        await CreateRootsAsync(lvm, disk, cancellationToken).ConfigureAwait(false);
        var empty = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{partition} has no volume group though it was just made");
        var image = new ImageInfo { Image = s_image, Distribution = "", KernelRelease = "", RootSize = s_fileSystem.Bytes, ChunkSize = 0, Chunks = [], RootDigest = "0", BootSize = 4 << 20, BootDigest = "0", SourceDateEpoch = 0 };
        // No guard is there to grow the store.
        var group = NodeVolumes.AddNodes(NodeVolumes.AddImage(empty, image), [Node], new SiteVolumes { Root = s_fileSystem, Local = s_fileSystem });
        group = NodeVolumes.AddNodes(group, [Changed], new SiteVolumes { Root = s_changedRoot, Local = ByteSize.FromMiB(4) });
        await lvm.CommitAsync(group.Extend(NodeVolumes.StoreName(Node), new ByteSize(s_fileSystem.Bytes * 3 / 2)).Extend(NodeVolumes.StoreName(Changed), s_changedRoot), cancellationToken).ConfigureAwait(false);
        _group = (await lvm.ReadAsync(cancellationToken).ConfigureAwait(false))!;
        _volumes = new NodeVolumes(runner, _group, lvm.DevicesOf(_group));

        await FillAsync(_raw, cancellationToken).ConfigureAwait(false);
        await FillAsync(await _volumes.MapAsync(NodeVolumes.LocalName(Node), Plain, readOnly: false, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        await _volumes.UnmapAsync(Plain, cancellationToken).ConfigureAwait(false);
        await FillAsync(await _volumes.MapAsync(NodeVolumes.OriginName(s_image), "vl-origin", readOnly: false, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        _origin = await _volumes.MapAsync(NodeVolumes.OriginName(s_image), "vl-origin", readOnly: true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes the roots of fifty nodes as a site gets them: the volumes of all in one commit, and then each node its own root, here one for all. Nothing of them stays.</summary>
    private async Task CreateRootsAsync(LvmTools lvm, string disk, CancellationToken cancellationToken)
    {
        const int roots = 50;
        // The smallest that there are: what counts is their number.
        var (time, written) = await CreationBench.AddAsync(lvm, disk, roots, new SiteVolumes { Root = SanLayout.ExtentSize, Local = SanLayout.ExtentSize }, cancellationToken).ConfigureAwait(false);
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{disk} has no volume group though one was just written");
        var (start, before) = (Stopwatch.GetTimestamp(), CreationBench.Written(disk));
        // What is below a root is read only: any device will do for it.
        await new NodeVolumes(runner, group, lvm.DevicesOf(group)).MapRootAsync(CreationBench.NameOf(1), _raw, s_fileSystem, s_root, Path.GetTempPath(), _ => { }, cancellationToken).ConfigureAwait(false);
        time += Stopwatch.GetElapsedTime(start);
        foreach (var name in (string[])[RootDevice, Pool, Data, Metadata]) await _mapper.RemoveAsync(name, cancellationToken).ConfigureAwait(false);
        note("root", $"create-{roots}-time", time.TotalSeconds);
        note("root", $"create-{roots}-written", ((double)written / roots + CreationBench.Written(disk) - before) / 1e6);
        await lvm.CommitAsync(group.Remove([.. group.Volumes.Select(v => v.Name)]), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes the file system with the files that exist.</summary>
    private async Task FillAsync(string device, CancellationToken cancellationToken)
    {
        // No work is left for the background, where it would be measured.
        await RunAsync("mke2fs", cancellationToken, "-q", "-F", "-t", "ext4", "-E", $"lazy_itable_init=0,lazy_journal_init=0,nodiscard,{RootFileSystem.ExtendedOptions}", device).ConfigureAwait(false);
        // Files that come with an image lie where there was room, and not at the start of a block of the store.
        await MountAsync(device, cancellationToken, "stripe=1").ConfigureAwait(false);
        var block = new byte[1 << 20];
        new Random(1).NextBytes(block);
        foreach (var (name, size) in s_existing)
        {
            await using var file = new FileStream(Path.Combine(Mount, name), FileMode.Create);
            for (long at = 0; at < size.Bytes; at += block.Length) await file.WriteAsync(block, cancellationToken).ConfigureAwait(false);
            file.Flush(flushToDisk: true);
        }
        await RunAsync("umount", cancellationToken, Mount).ConfigureAwait(false);
    }

    private async Task<string> MapAsync(StorageDevice device, CancellationToken cancellationToken)
    {
        var size = new ByteSize(_group.SizeOf(_group.Find(NodeVolumes.OriginName(s_image))!));
        switch (device.Kind)
        {
            case StorageDeviceKind.Raw: return _raw;
            case StorageDeviceKind.Plain: return await _volumes.MapAsync(NodeVolumes.LocalName(Node), Plain, readOnly: false, cancellationToken).ConfigureAwait(false);
            case StorageDeviceKind.Root:
                await BlankAsync(NodeVolumes.MetadataName(Node), Metadata, cancellationToken).ConfigureAwait(false);
                return await _volumes.MapRootAsync(Node, _origin, size, s_root, Path.GetTempPath(), _ => { }, cancellationToken).ConfigureAwait(false);
            case StorageDeviceKind.Thin:
                var metadata = await BlankAsync(NodeVolumes.MetadataName(Node), Metadata, cancellationToken).ConfigureAwait(false);
                var data = await _volumes.MapAsync(NodeVolumes.StoreName(Node), Data, readOnly: false, cancellationToken).ConfigureAwait(false);
                await _mapper.CreateAsync(Pool, $"0 {Text(_group.SizeOf(_group.Find(NodeVolumes.StoreName(Node))!) / 512)} thin-pool {metadata} {data} {Text(device.BlockKiB * 2)} 0 {(device.SkipZeroing ? "1 skip_block_zeroing" : "0")}\n", cancellationToken: cancellationToken).ConfigureAwait(false);
                await _mapper.MessageAsync(Pool, "create_thin 0", cancellationToken: cancellationToken).ConfigureAwait(false);
                return await _mapper.CreateAsync(RootDevice, $"0 {Text(size.Bytes / 512)} thin {DeviceMapper.PathOf(Pool)} 0 {_origin}\n", cancellationToken: cancellationToken).ConfigureAwait(false);
            default:
                var store = await BlankAsync(NodeVolumes.StoreName(Node), Data, cancellationToken).ConfigureAwait(false);
                return await _mapper.CreateAsync(RootDevice, $"0 {Text(size.Bytes / 512)} snapshot {_origin} {store} P {Text(device.BlockKiB * 2)}\n", cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>How long a node of which 2 GB were changed waits for its root, its metadata checked, and by how much less memory is available then.</summary>
    private async Task MapChangedAsync(Action<string, string, double> report, CancellationToken cancellationToken)
    {
        await BlankAsync(NodeVolumes.MetadataName(Changed), Metadata, cancellationToken).ConfigureAwait(false);
        using (var device = BlockDevice.Open(await MapAsync().ConfigureAwait(false), writable: true))
        {
            // In an order in which the tree of blocks grows everywhere.
            var block = new byte[VolumeSizes.PoolBlock.Bytes];
            for (long i = 0; i < ChangedBlocks; i++) device.Write(i * 7919 % ChangedBlocks * block.Length, block);
            device.Flush();
        }
        await UnmapAsync().ConfigureAwait(false);
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        var (before, least) = (Available(), long.MaxValue);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = WatchAsync();
        var clock = Stopwatch.StartNew();
        await MapAsync().ConfigureAwait(false);
        var elapsed = clock.Elapsed;
        await done.CancelAsync().ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        report("root", "map-changed-time", elapsed.TotalSeconds);
        report("root", "map-changed-memory", (before - least) / 1024.0);
        await UnmapAsync().ConfigureAwait(false);

        Task<string> MapAsync() => _volumes.MapRootAsync(Changed, _origin, s_changedRoot, s_root, Path.GetTempPath(), _ => { }, cancellationToken);

        async Task UnmapAsync()
        {
            foreach (var name in (string[])[RootDevice, Pool, Data, Metadata]) await _mapper.RemoveAsync(name, cancellationToken).ConfigureAwait(false);
        }

        async Task WatchAsync()
        {
            do
            {
                least = Math.Min(least, Available());
                await Task.Delay(5, done.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            } while (!done.IsCancellationRequested);
        }

        // KiB (proc_meminfo(5)).
        static long Available() => long.Parse(File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Maps a volume and makes its start zeros, so that nothing of an older device is found there.</summary>
    private async Task<string> BlankAsync(string volume, string name, CancellationToken cancellationToken)
    {
        var path = await _volumes.MapAsync(volume, name, readOnly: false, cancellationToken).ConfigureAwait(false);
        using var device = BlockDevice.Open(path, writable: true);
        device.Write(0, new byte[1 << 20]);
        device.Flush();
        return path;
    }

    private async Task MeasureAsync(StorageDevice device, Action<string, string, double> report, CancellationToken cancellationToken)
    {
        await FioAsync("fresh", device, "", report, cancellationToken).ConfigureAwait(false);
        await FioAsync("touch", device, "-first", report, cancellationToken).ConfigureAwait(false);
        await FioAsync("touch", device, "-second", report, cancellationToken).ConfigureAwait(false);
        await FioAsync("touched", device, "", report, cancellationToken).ConfigureAwait(false);
        File.Delete(Path.Combine(Mount, "fresh"));
        if (device.RunsBonnie) await BonnieAsync(device, report, cancellationToken).ConfigureAwait(false);
    }

    private async Task FioAsync(string jobs, StorageDevice device, string suffix, Action<string, string, double> report, CancellationToken cancellationToken)
    {
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        var result = await runner.RunAsync(Program("fio", "--output-format=json", $"{Folder}/{jobs}.fio").WithWorkingDirectory(Mount), cancellationToken).ConfigureAwait(false);
        foreach (var (job, speed) in FioReport.Parse(result.Output)) report(device.Name, job + suffix, speed / 1e6);
    }

    private async Task BonnieAsync(StorageDevice device, Action<string, string, double> report, CancellationToken cancellationToken)
    {
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        // Direct I/O in blocks of 128 KiB, since a file larger than memory would take minutes; no tests by the character, none of many files.
        var bonnie = Program("bonnie++", "-q", "-u", "0:0", "-d", Mount, "-s", $"{Text(BonnieMiB)}:128k", "-r", Text(BonnieMiB / 2), "-n", "0", "-f", "-D", "-m", Node);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var dropping = DropCachesAsync(done.Token);
        var result = await runner.RunAsync(bonnie, cancellationToken).ConfigureAwait(false);
        await done.CancelAsync().ConfigureAwait(false);
        await dropping.ConfigureAwait(false);
        log(result.Output.Trim());
        if (!BonnieReport.TryParse(result.Output, out var speeds, out var reason))
        {
            log($"bonnie++: {reason}");
            return;
        }
        report(device.Name, "bonnie-write", speeds.Write / 1e6);
        report(device.Name, "bonnie-rewrite", speeds.Rewrite / 1e6);
        report(device.Name, "bonnie-read", speeds.Read / 1e6);
    }

    /// <summary>bonnie++ 2.00 reads through the page cache even where it is told not to, and would find what it wrote there.</summary>
    private static async Task DropCachesAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await File.WriteAllTextAsync(DropCaches, "1\n", CancellationToken.None).ConfigureAwait(false);
            await Task.Delay(100, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Nothing that came before is still being written, and nothing that will be read is in memory.</summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        await RunAsync("sync", cancellationToken).ConfigureAwait(false);
        await File.WriteAllTextAsync(DropCaches, "3\n", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A program of the machine that made the archive, with the loader and the libraries of that machine: the initrd's may be others.</summary>
    private static ExternalCommand Program(string name, params IReadOnlyList<string> arguments) =>
        ExternalCommand.Of($"{Folder}/lib/ld-linux-x86-64.so.2", ["--library-path", $"{Folder}/lib", $"{Folder}/{name}", .. arguments]);

    private Task<CommandResult> MountAsync(string device, CancellationToken cancellationToken, string option = "noatime")
    {
        Directory.CreateDirectory(Mount);
        return RunAsync("mount", cancellationToken, "-t", "ext4", "-o", $"rw,noatime,{option}", device, Mount);
    }

    private Task<CommandResult> SfdiskAsync(string script, CancellationToken cancellationToken, params IReadOnlyList<string> arguments) =>
        runner.RunAsync(ExternalCommand.Of("sfdisk", ["--no-tell-kernel", "--no-reread", .. arguments]).WithInput(script), cancellationToken);

    private Task<CommandResult> RunAsync(string program, CancellationToken cancellationToken, params IReadOnlyList<string> arguments) =>
        runner.RunAsync(ExternalCommand.Of(program, arguments), cancellationToken);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
