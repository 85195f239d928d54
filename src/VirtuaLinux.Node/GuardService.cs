using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Node;

/// <summary>Watches this node's exception store for ever, and lets it grow before it is full; its registration with the SAN (<see cref="FenceWatch"/>), and the paths to it (<see cref="PathChecker"/>): the unit virtualinux-guard.service.</summary>
/// <remarks>It looks after what its own root stands on: it writes nothing below the root, and what it needs of itself stays in memory.</remarks>
public sealed class GuardService(ICommandRunner runner, Action<string> log)
{
    /// <summary>Where the last look is kept for <c>/status</c>.</summary>
    public const string UsagePath = BootRecord.Directory + "/store.json";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DeviceMapper _mapper = new(runner);
    private readonly FillWatch _fill = new();
    private StoreLevel _level;
    private IReadOnlyList<string> _nearlyFull = [];
    private string? _refusal;

    /// <summary>Watches until <paramref name="cancellationToken"/>. What goes wrong is told, and tried again.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        MemoryLock.KeepResident();
        if (File.Exists(BootRecord.MultipathPath)) PathChecker.Start(new EmergencyRestart().Say);
        var (ready, watching) = (false, false);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (!watching) await WatchKeyAsync(cancellationToken).ConfigureAwait(false);
                watching = true;
                await LookAsync(cancellationToken).ConfigureAwait(false);
                if (!ready) ServiceNotify.Send("READY=1");
                ready = true;
                // The kernel tells when the low-water mark is passed, and when the data is used up.
                await _mapper.WaitAsync(NodeVolumes.PoolDevice, Patience, cancellationToken).ConfigureAwait(false);
            }
            catch (FailureException e)
            {
                log($"the exception store cannot be looked after: {e.Message}");
                await Task.Delay(Patience, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>On a SAN that can fence.</summary>
    private async Task WatchKeyAsync(CancellationToken cancellationToken)
    {
        var storage = NodeStorage.Open(runner);
        if (storage.Key is { } key) await FenceWatch.StartAsync(runner, storage.Self.Name, storage.Disk, key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The last look, or null before the first.</summary>
    public static StoreUsage? Read()
    {
        try
        {
            return File.Exists(UsagePath) ? JsonSerializer.Deserialize(File.ReadAllText(UsagePath), ModelJson.Default.StoreUsage) : null;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null; // written just now, or by another version of the product
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        // A store that grew once may have to grow again at once: whoever filled it may be fast.
        for (var grew = true; grew;)
        {
            grew = false;
            var line = await _mapper.StatusAsync(NodeVolumes.PoolDevice, cancellationToken).ConfigureAwait(false);
            if (!PoolStatus.TryParse(line, out var pool)) throw new FailureException($"{NodeVolumes.PoolDevice} is no pool: {line}");
            if (StoreGuard.IsQuiet(pool))
            {
                _level = StoreLevel.Enough;
                await NoteAsync(pool, cancellationToken).ConfigureAwait(false);
                return;
            }
            var storage = NodeStorage.Open(runner);
            var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
            (_level, var actions) = StoreGuard.Next(_level, Seen(storage, group, pool));
            await NoteAsync(pool, cancellationToken).ConfigureAwait(false);
            foreach (var action in actions)
            {
                if (action is GuardAction.Say say)
                {
                    await SayAsync($"{storage.Self.Name}: {say.Text}", cancellationToken).ConfigureAwait(false);
                    continue;
                }
                try
                {
                    await GrowAsync(storage, action, fromReserve: false, cancellationToken).ConfigureAwait(false);
                    (grew, _refusal) = (true, null);
                }
                catch (FailureException e)
                {
                    // Said once for each reason, and tried again: whoever fills the store must know.
                    if (_refusal != e.Message) await SayAsync($"{storage.Self.Name}: the exception store ({pool.DataUsed * 100 / pool.DataSize} % full) could not grow: {e.Message}", cancellationToken).ConfigureAwait(false);
                    _refusal = e.Message;
                }
            }
        }
    }

    /// <summary>Grows this node's exception store.</summary>
    /// <exception cref="FailureException">The lease was not to be had, or the extents do not suffice.</exception>
    /// <param name="storage">The site's storage.</param>
    /// <param name="action">What grows, and to which size.</param>
    /// <param name="fromReserve">Whether it may take from the reserve.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    public async Task GrowAsync(NodeStorage storage, GuardAction action, bool fromReserve, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(storage);
        var isMetadata = action is GuardAction.GrowMetadata;
        var size = action switch
        {
            GuardAction.GrowData data => data.Size,
            GuardAction.GrowMetadata metadata => metadata.Size,
            _ => throw new InvalidOperationException($"{action} grows nothing"),
        };
        var volume = isMetadata ? NodeVolumes.MetadataName(storage.Self.Name) : NodeVolumes.StoreName(storage.Self.Name);
        var group = await storage.ChangeAsync(
            // Other nodes may have grown since this one looked.
            g => g.Extend(volume, size) is var next && !fromReserve && next.FreeExtents < g.FreeExtents && next.FreeExtents * next.ExtentSectors * 512 < VolumeSizes.Reserve(next, storage.Manifest.Volumes.Reserve).Bytes
                ? throw new FailureException("the volume group has only the reserve left")
                : next,
            cancellationToken).ConfigureAwait(false);
        // The volume has grown: what comes must not be left for later.
        await new NodeVolumes(runner, group, storage.Lvm.DevicesOf(group)).GrowPoolAsync(storage.Self.Name, isMetadata, CancellationToken.None).ConfigureAwait(false);
        log($"{volume} has {new ByteSize(group.SizeOf(group.Find(volume)!)).ToRoundedString()} now");
    }

    private static StoreSeen Seen(NodeStorage storage, VolumeGroup group, PoolStatus pool)
    {
        var extent = group.ExtentSectors * 512;
        return new StoreSeen(pool, new ByteSize(group.SizeOf(group.Find(NodeVolumes.StoreName(storage.Self.Name))!)), new ByteSize(group.FreeExtents * extent), VolumeSizes.Reserve(group, storage.Manifest.Volumes.Reserve), VolumeSizes.LargestStore(storage.Manifest.Volumes.Root));
    }

    private async Task NoteAsync(PoolStatus pool, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var root = await _mapper.StatusAsync(NodeVolumes.RootDevice, cancellationToken).ConfigureAwait(false);
        var local = new DriveInfo("/local");
        var localUsed = local.TotalSize - local.TotalFreeSpace;
        var shared = ReadShared();
        var usage = new StoreUsage
        {
            DataUsed = pool.DataUsed,
            DataSize = pool.DataSize,
            MetadataUsed = pool.MetadataUsed,
            MetadataSize = pool.MetadataSize,
            LocalUsed = localUsed,
            LocalSize = local.TotalSize,
            RootChanged = PoolStatus.OwnOf(root),
            SharedUsed = shared?.Used,
            SharedSize = shared?.Size,
            FillPerDay = _fill.Note("store", now, pool.DataUsed),
            LocalFillPerDay = _fill.Note("local", now, localUsed),
            SharedFillPerDay = shared is { Used: var used } ? _fill.Note("shared", now, used) : null,
            Level = _level.ToString().ToLowerInvariant(),
        };
        (_nearlyFull, var said) = FileSystemGuard.Next(_nearlyFull, usage);
        if (_nearlyFull.Count > 0) usage = usage with { NearlyFull = _nearlyFull };
        File.WriteAllBytes(UsagePath + ".new", JsonSerializer.SerializeToUtf8Bytes(usage, ModelJson.Default.StoreUsage));
        File.Move(UsagePath + ".new", UsagePath, overwrite: true);
        foreach (var line in said) await SayAsync($"{Environment.MachineName}: {line}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>In use on the volume that all nodes share, on the node that serves it: through NFS a server that is away would be waited for.</summary>
    private static (long Used, long Size)? ReadShared()
    {
        if (!SharedExport.IsMounted(SharedExport.Folder)) return null;
        var shared = new DriveInfo(SharedExport.Folder);
        var (size, free) = (shared.TotalSize, shared.TotalFreeSpace);
        // Handed over meanwhile, it was the root that told.
        return SharedExport.IsMounted(SharedExport.Folder) ? (size - free, size) : null;
    }

    /// <summary>On the log, and on every terminal of the node (wall(1)).</summary>
    private async Task SayAsync(string text, CancellationToken cancellationToken)
    {
        log(text);
        await runner.RunAsync(ExternalCommand.Of("wall", text).WithTimeout(TimeSpan.FromSeconds(10)).Accepting(), cancellationToken).ConfigureAwait(false);
    }
}
