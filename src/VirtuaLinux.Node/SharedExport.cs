using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>The volume that all nodes share, mounted on the one node that serves it and exported by the kernel's NFS server (nfsd(7)), which answers on the floating address alone.</summary>
/// <remarks>
/// Files and what NFS must remember of its clients are on the volume: whoever serves it next knows which opens and locks they may claim back (nfsdcld(8)).
/// The address has a lifetime in the kernel that only a renewed lease prolongs: a node on which nothing runs any more stops answering all the same.
/// </remarks>
/// <param name="runner">Runs programs.</param>
/// <param name="address">The floating address.</param>
/// <param name="card">The interface that gets it.</param>
/// <param name="log">Takes a line.</param>
public sealed class SharedExport(ICommandRunner runner, Ipv4Address address, string card, Action<string> log) : IDisposable
{
    /// <summary>Where the volume is mounted; clients see its folder <c>export</c> (overlays, exports.d).</summary>
    public const string Folder = "/srv/shared";

    private const string Files = Folder + "/export", Clients = Folder + "/nfsdcld", Control = "/proc/fs/nfsd", Pipes = "/run/rpc_pipefs";

    private static readonly TimeSpan Start = TimeSpan.FromSeconds(30), CheckTime = TimeSpan.FromHours(12);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _daemons = [];
    private long _serial;

    /// <summary>Begins to serve, or goes on with what this service served before it was restarted.</summary>
    /// <param name="volumes">The site's volumes.</param>
    /// <param name="manifest">The site.</param>
    /// <param name="lifetime">How long the address may live from now on.</param>
    /// <param name="cancellationToken">Ends it; <see cref="StopAsync"/> clears up.</param>
    /// <exception cref="FailureException">The file system is damaged, another machine has the address, or a program failed.</exception>
    public async Task StartAsync(NodeVolumes volumes, Manifest manifest, Func<TimeSpan> lifetime, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(lifetime);
        if (!IsMounted(Folder)) await MountAsync(volumes, cancellationToken).ConfigureAwait(false);
        await FollowAsync(volumes, manifest, cancellationToken).ConfigureAwait(false);
        await RunAsync(cancellationToken, "modprobe", "nfsd").ConfigureAwait(false);
        if (!IsMounted(Control)) await RunAsync(cancellationToken, "mount", "-t", "nfsd", "nfsd", Control).ConfigureAwait(false);
        if (!IsMounted(Pipes))
        {
            Directory.CreateDirectory(Pipes);
            await RunAsync(cancellationToken, "mount", "-t", "rpc_pipefs", "rpc_pipefs", Pipes).ConfigureAwait(false);
        }
        _daemons.Add(KeepRunningAsync("nfsdcld", "--foreground", "--pipefsdir", Pipes, "--storagedir", Clients));
        _daemons.Add(KeepRunningAsync("rpc.mountd", "--foreground"));
        if (!IsServing()) await WaitForTrackingAsync(cancellationToken).ConfigureAwait(false);
        await RunAsync(cancellationToken, "exportfs", "-r").ConfigureAwait(false);
        var isNew = !await HasAddressAsync(cancellationToken).ConfigureAwait(false);
        // arping(8): duplicate address detection.
        if (isNew && (await runner.RunAsync(ExternalCommand.Of("arping", "-D", "-q", "-c", "2", "-w", "3", "-I", card, address.ToString()).Accepting(0, 1), cancellationToken).ConfigureAwait(false)).ExitCode == 1)
            throw new FailureException($"another machine on {card} has the address {address} of the shared volume; take it from that machine, or write another shared.address into the site file");
        await KeepAddressAsync(lifetime(), cancellationToken).ConfigureAwait(false);
        // Clients give back what they hold to a server that they take for the same one: to them it is called as the site is, whichever node it is (RFC 8881, section 2.10.4).
        if (!IsServing()) await RunAsync(cancellationToken, "rpc.nfsd", "--host", address.ToString(), "--scope", manifest.Name).ConfigureAwait(false);
        if (isNew) await runner.RunAsync(ExternalCommand.Of("arping", "-U", "-q", "-c", "3", "-w", "3", "-I", card, address.ToString()).Accepting(), cancellationToken).ConfigureAwait(false);
        log($"serves the shared volume on {address}");
    }

    /// <summary>Lets the address live on.</summary>
    /// <param name="lifetime">For how long, unless this is called again.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The kernel refused.</exception>
    public Task KeepAddressAsync(TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        // Whole seconds, rounded down.
        var seconds = ((int)lifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return lifetime < TimeSpan.FromSeconds(1)
            ? Task.CompletedTask
            : RunAsync(cancellationToken, "ip", "address", "replace", $"{address}/32", "dev", card, "valid_lft", seconds, "preferred_lft", seconds);
    }

    /// <summary>Takes a larger volume over, and other nodes of the site that may mount it.</summary>
    /// <exception cref="FailureException">A program failed.</exception>
    public async Task FollowAsync(NodeVolumes volumes, Manifest manifest, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(volumes);
        ArgumentNullException.ThrowIfNull(manifest);
        await volumes.GrowSharedAsync(cancellationToken).ConfigureAwait(false);
        if (IsServing()) await RunAsync(cancellationToken, "exportfs", "-r").ConfigureAwait(false);
        _serial = manifest.Serial;
    }

    /// <summary>Whether <see cref="FollowAsync"/> has something to do.</summary>
    public bool IsBehind(Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.Serial > _serial;
    }

    /// <summary>Ends all that uses the volume on this node. Clients wait for the next one that serves it.</summary>
    /// <exception cref="FailureException">Something uses it still: then it must not be handed over.</exception>
    public async Task StopAsync()
    {
        // The address first: what a client is told while the rest ends would be an error to it.
        await runner.RunAsync(ExternalCommand.Of("ip", "address", "delete", $"{address}/32", "dev", card).Accepting()).ConfigureAwait(false);
        if (IsServing()) await RunAsync(CancellationToken.None, "rpc.nfsd", "0").ConfigureAwait(false);
        if (IsMounted(Control)) await RunAsync(CancellationToken.None, "exportfs", "-ua").ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_daemons).ConfigureAwait(false);
        _daemons.Clear();
        for (var attempt = 0; IsMounted(Folder); attempt++)
        {
            // The kernel forgets what was exported, and lets the mount go, a moment later.
            if (IsMounted(Control)) await RunAsync(CancellationToken.None, "exportfs", "-f").ConfigureAwait(false);
            var umount = await runner.RunAsync(ExternalCommand.Of("umount", Folder).Accepting()).ConfigureAwait(false);
            if (umount.ExitCode != 0 && attempt == 20) throw new FailureException($"the shared volume cannot be unmounted: {umount.Error.Trim()}");
            if (umount.ExitCode != 0) await Task.Delay(500).ConfigureAwait(false);
        }
        await new DeviceMapper(runner).RemoveAsync(NodeVolumes.SharedDevice).ConfigureAwait(false);
    }

    /// <summary>Whether something is mounted on a folder. The kernel's list is read: to ask the folder itself would wait for a server that is away.</summary>
    public static bool IsMounted(string folder) => File.ReadLines("/proc/self/mounts").Any(l => l.Split(' ')[1] == folder);

    /// <summary>Whether the kernel's NFS server runs here.</summary>
    private static bool IsServing() => File.Exists($"{Control}/threads") && File.ReadAllText($"{Control}/threads").Trim() != "0";

    private async Task MountAsync(NodeVolumes volumes, CancellationToken cancellationToken)
    {
        var device = await volumes.MapAsync(NodeVolumes.SharedName, NodeVolumes.SharedDevice, readOnly: false, cancellationToken).ConfigureAwait(false);
        if (FreshVolume.Is(device))
            await runner.RunAsync(ExternalCommand.Of("mke2fs", "-q", "-t", "ext4", "-L", "shared", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", device), cancellationToken).ConfigureAwait(false);
        // e2fsck(8): the journal of a node that died, and what can be mended without a decision.
        var check = await runner.RunAsync(ExternalCommand.Of("e2fsck", "-p", device).Accepting().WithTimeout(CheckTime), cancellationToken).ConfigureAwait(false);
        if (check.ExitCode is not (0 or 1 or 2)) throw new FailureException($"the file system of the shared volume cannot be mended without a decision (e2fsck: {check.ExitCode}): {check.Output.Trim()} {check.Error.Trim()}; stop virtualinux-shared.service on all nodes but one, and mend {device} there with 'e2fsck {device}'");
        await RunAsync(cancellationToken, "mount", "-t", "ext4", "-o", "rw,noatime,errors=remount-ro", device, Folder).ConfigureAwait(false);
        Directory.CreateDirectory(Files);
        Directory.CreateDirectory(Clients, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        // A file system that was not mounted while its volume grew.
        await RunAsync(cancellationToken, "resize2fs", device).ConfigureAwait(false);
    }

    /// <summary>Runs a program until <see cref="StopAsync"/>, again and again.</summary>
    private async Task KeepRunningAsync(string program, params IReadOnlyList<string> arguments)
    {
        while (!_stop.IsCancellationRequested)
            try
            {
                var result = await runner.RunAsync(ExternalCommand.Of(program, arguments).Accepting().WithTimeout(Timeout.InfiniteTimeSpan), _stop.Token).ConfigureAwait(false);
                log($"{program} ended with exit code {result.ExitCode}: {result.Error.Trim()}; it is started again");
                await Task.Delay(TimeSpan.FromSeconds(2), _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (FailureException e)
            {
                log(e.Message);
                await Task.Delay(TimeSpan.FromSeconds(2), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }

    /// <summary>The kernel looks for nfsdcld once, when its server starts, and without it no client could claim anything back: so it waits for the kernel before (with inotify(7)).</summary>
    private static async Task WaitForTrackingAsync(CancellationToken cancellationToken)
    {
        var deadline = DateTime.UtcNow + Start;
        while (!Directory.EnumerateDirectories("/proc").Any(IsWaiting))
        {
            if (DateTime.UtcNow > deadline) throw new FailureException("nfsdcld does not come up: after a takeover clients could not claim their files and locks back");
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsWaiting(string process)
    {
        try
        {
            return char.IsAsciiDigit(Path.GetFileName(process)[0]) && File.ReadAllText($"{process}/comm").Trim() == "nfsdcld" && Directory.EnumerateFiles($"{process}/fd").Any(f => new FileInfo(f).LinkTarget?.Contains("inotify", StringComparison.Ordinal) == true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has just ended
        }
    }

    private async Task<bool> HasAddressAsync(CancellationToken cancellationToken) =>
        (await runner.RunAsync(ExternalCommand.Of("ip", "-4", "-oneline", "address", "show", "dev", card), cancellationToken).ConfigureAwait(false)).Output.Contains($" {address}/32 ", StringComparison.Ordinal);

    private Task<CommandResult> RunAsync(CancellationToken cancellationToken, params IReadOnlyList<string> command) => runner.RunAsync(ExternalCommand.Of(command[0], [.. command.Skip(1)]), cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();
}
