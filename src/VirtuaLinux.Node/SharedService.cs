using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node;

/// <summary>Serves the volume that all nodes share, if it falls to this node, and mounts what is served on every node: the unit virtualinux-shared.service.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="log">Takes a line.</param>
public sealed class SharedService(ICommandRunner runner, Action<string> log) : IDisposable
{
    /// <summary>Where every node has what is served.</summary>
    public const string Mount = "/shared";

    /// <summary>How long a lease lasts that is not renewed. Longer than all paths to the SAN but one take to be given up.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    // Others may take over after Patience, and this node has stopped to answer before.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), Lifetime = TimeSpan.FromSeconds(35), Rest = TimeSpan.FromMinutes(1);

    private const int Port = 2049;

    private readonly TimeProvider _time = TimeProvider.System;
    private SharedWatch? _watch;
    private SharedLease? _lease;
    private SharedExport? _export;
    private Task _start = Task.CompletedTask;
    private long? _failed;
    private string? _complaint;

    /// <summary>Serves or watches until <paramref name="cancellationToken"/>, then hands over; returns at once where the site has no such volume.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                try
                {
                    var storage = NodeStorage.Open(runner);
                    if (storage.Manifest.SharedAddress is not { } address) return;
                    await (_lease is null ? LookAsync(storage, address, cancellationToken) : HoldAsync(storage, cancellationToken)).ConfigureAwait(false);
                    await MountAsync(address, cancellationToken).ConfigureAwait(false);
                    _complaint = null;
                }
                catch (Exception e) when (e is FailureException or IOException)
                {
                    if (_complaint != e.Message) log($"the shared volume: {e.Message}");
                    _complaint = e.Message;
                }
                await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
        finally
        {
            if (_lease is not null) await HandOverAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Who serves the volume.</summary>
    /// <exception cref="FailureException">The site has none, or the SAN gave no answer.</exception>
    public static async Task<SharedStatus> StatusAsync(NodeStorage storage, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(storage);
        var address = storage.Manifest.SharedAddress ?? throw new FailureException($"site {storage.Manifest.Name} has no shared volume; 'volumes: {{ shared: 4GiB }}' in the site file and 'virtualinux site apply' make one");
        var lease = (await SharedLease.LookAsync(storage.Lun, canFence: false, cancellationToken).ConfigureAwait(false)).Lease;
        return new SharedStatus(storage.Manifest.Volumes.Shared, address, lease.IsFree ? null : lease.Name, lease.IsFree ? null : DateTimeOffset.FromUnixTimeSeconds(lease.Since), SharedExport.IsMounted(Mount));
    }

    private async Task LookAsync(NodeStorage storage, Ipv4Address address, CancellationToken cancellationToken)
    {
        var own = storage.Key ?? new ReservationKey(storage.Self.Cluster.Ip, 0);
        var watch = _watch ?? new SharedWatch(own, storage.Key is not null, Patience);
        _watch = watch with { Unchanged = null };
        var began = Now();
        // What it throws leaves a watch that has seen nothing.
        var seen = await SharedLease.LookAsync(storage.Lun, watch.CanFence, cancellationToken).ConfigureAwait(false);
        (_watch, var verdict) = watch.See(seen, began, Now());
        if (verdict is not SharedVerdict.Take take || _failed is { } failed && _time.GetElapsedTime(failed) < Rest) return;
        if (take.Victim is { } victim) await EndAsync(storage, seen.Lease, own, victim, cancellationToken).ConfigureAwait(false);
        var lease = new SharedLease(storage.Lun, own, storage.Self.Name);
        if (!await lease.TakeAsync(seen, cancellationToken).ConfigureAwait(false)) return;
        log(seen.Lease.IsFree ? "nobody serves the shared volume: this node does now" : $"serves the shared volume in the place of {seen.Lease.Name}");
        _lease = lease;
        _export = new SharedExport(runner, address, BootEndpoint.Discover(storage.Manifest).First(e => e.Address == storage.Self.Cluster.Ip).Interface, log);
        // A check of the file system may take longer than a lease lasts: it is renewed meanwhile.
        _start = StartAsync(storage, _export, lease, cancellationToken);
    }

    private static async Task StartAsync(NodeStorage storage, SharedExport export, SharedLease lease, CancellationToken cancellationToken) =>
        await export.StartAsync(await storage.ReadVolumesAsync(cancellationToken).ConfigureAwait(false), storage.Manifest, () => Lifetime - lease.Age, cancellationToken).ConfigureAwait(false);

    /// <summary>Ends the boot that held the lease, on every LUN that the volume may lie on.</summary>
    private async Task EndAsync(NodeStorage storage, LeaseBlock lease, ReservationKey own, ReservationKey victim, CancellationToken cancellationToken)
    {
        var unseen = await storage.AttachVisibleAsync(cancellationToken).ConfigureAwait(false);
        if (unseen.Count > 0) throw new FailureException($"{lease.Name} no longer serves it, and this node does not see the LUN {string.Join(", ", unseen)}, so it cannot shut it out there");
        log($"{lease.Name} no longer serves the shared volume; its boot with key {victim} is shut out of the SAN");
        await storage.Exclusion.EndBootAsync(own, victim, cancellationToken).ConfigureAwait(false);
    }

    private async Task HoldAsync(NodeStorage storage, CancellationToken cancellationToken)
    {
        if (!await _lease!.RenewAsync(cancellationToken).ConfigureAwait(false))
        {
            // Another one mounts the volume now, and nothing of it may be written from here, not even by unmounting it.
            new EmergencyRestart().Now($"{storage.Self.Name}: another node serves the shared volume though this one has it mounted; restarting");
        }
        if (_start.IsFaulted)
        {
            _failed = _time.GetTimestamp();
            await HandOverAsync().ConfigureAwait(false);
        }
        else if (_start.IsCompletedSuccessfully && _export is { } export)
        {
            await export.KeepAddressAsync(Lifetime - _lease.Age, cancellationToken).ConfigureAwait(false);
            if (export.IsBehind(storage.Manifest)) await export.FollowAsync(await storage.ReadVolumesAsync(cancellationToken).ConfigureAwait(false), storage.Manifest, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whoever takes it next need not wait. What cannot be ended here is not given back: the next one ends this boot then.</summary>
    private async Task HandOverAsync()
    {
        try
        {
            await _start.ConfigureAwait(false);
        }
        catch (Exception e) when (e is FailureException or IOException or OperationCanceledException)
        {
            if (e is not OperationCanceledException) log($"the shared volume cannot be served here: {e.Message}");
        }
        try
        {
            await _export!.StopAsync().ConfigureAwait(false);
            await _lease!.ReleaseAsync().ConfigureAwait(false);
            _export.Dispose();
            (_lease, _export, _start) = (null, null, Task.CompletedTask);
            log("no longer serves the shared volume");
        }
        catch (FailureException e)
        {
            log($"the shared volume is not handed over: {e.Message}");
        }
    }

    /// <summary>Asked for only when somebody serves: a unit that has to wait for that would fail.</summary>
    private async Task MountAsync(Ipv4Address address, CancellationToken cancellationToken)
    {
        if (SharedExport.IsMounted(Mount) || await PortalLogin.ReachAsync(new SanPortal(address, Port), cancellationToken).ConfigureAwait(false) is not null) return;
        await runner.RunAsync(MountCommand(address), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The mount as a unit of systemd (systemd-mount(1)), so that it ends before what it needs when the node shuts down, and never holds that up (umount(8), lazy).</summary>
    /// <remarks>A request waits for a server however long (nfs(5), hard), and one that died is noticed after ten seconds.</remarks>
    internal static ExternalCommand MountCommand(Ipv4Address address) =>
        ExternalCommand.Of("systemd-mount", "--no-block", "--collect", "--quiet", "--fsck=no", "--type=nfs4", "--options=_netdev,hard,vers=4.2,proto=tcp,timeo=100,retrans=2", "--property=LazyUnmount=yes", "--property=Description=What the cluster shares", $"{address}:/", Mount);

    /// <inheritdoc/>
    public void Dispose() => _export?.Dispose();

    private TimeSpan Now() => _time.GetElapsedTime(0);
}

/// <summary>The volume that all nodes share.</summary>
/// <param name="Size">Its size.</param>
/// <param name="Address">The floating address.</param>
/// <param name="Holder">The node that serves it; null when nobody does.</param>
/// <param name="Since">Since when.</param>
/// <param name="IsMounted">Whether this node has it mounted.</param>
public sealed record SharedStatus(ByteSize Size, Ipv4Address Address, string? Holder, DateTimeOffset? Since, bool IsMounted);
