using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The registrations of the site's LUN through descriptors that are open from the beginning, one for each path to it.</summary>
public sealed class ScsiRegistrar : IRegistrar, IDisposable
{
    private const string Blocks = "/sys/class/block";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly string _wwid;
    private readonly long _fences;
    private readonly byte[] _block;
    private readonly byte[] _answer = new byte[ReservationCommands.KeysLength];
    private readonly Dictionary<string, ScsiDevice> _paths = [];

    private ScsiRegistrar(IReadOnlyList<string> paths, int blockSize, long fences)
    {
        _wwid = SiteLun.WwidOf(paths[0]);
        _block = new byte[blockSize];
        _fences = fences;
        foreach (var path in paths) Open(Path.GetFileName(path));
    }

    /// <summary>Opens the LUN.</summary>
    /// <param name="runner">Runs programs; none is run later.</param>
    /// <param name="disk">The whole LUN: <c>/dev/sda</c>, or the multipath device over its paths.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">It cannot be opened.</exception>
    public static async Task<ScsiRegistrar> OpenAsync(ICommandRunner runner, string disk, CancellationToken cancellationToken = default)
    {
        var paths = MultipathDisk.PathsOf(disk);
        if (paths.Count == 0) throw new FailureException($"{disk} has no path");
        var block = int.Parse(await File.ReadAllTextAsync($"{Blocks}/{Path.GetFileName(paths[0])}/queue/logical_block_size", cancellationToken).ConfigureAwait(false), CultureInfo.InvariantCulture);
        var start = await ScsiDisk.JournalStartAsync(runner, disk, cancellationToken).ConfigureAwait(false);
        var registrar = new ScsiRegistrar(paths, block, (start * 512 + SanLayout.OffsetOf(SharedBlock.Fences)) / block);
        return registrar._paths.Count > 0 ? registrar : throw new FailureException($"{disk}: none of its paths can be opened");
    }

    /// <inheritdoc/>
    public Registrations? Ask()
    {
        FindPaths();
        foreach (var device in _paths.Values)
        {
            // A path that waits for its session would keep this waiting too.
            if (!IsRunning(device)) continue;
            // The first command after a change of registrations only reports that (unit attention).
            if ((Ask(device) ?? Ask(device)) is { } answer) return answer;
        }
        return null;
    }

    /// <inheritdoc/>
    public bool Register(ReservationKey key)
    {
        var done = false;
        foreach (var device in _paths.Values)
            if (IsRunning(device)) done |= Send(device, ReservationCommands.Register(), ReservationCommands.Parameters(default, key));
        return done;
    }

    /// <inheritdoc/>
    public bool Reserve(ReservationKey own) =>
        _paths.Values.Any(d => IsRunning(d) && Send(d, ReservationCommands.ReserveForAll(), ReservationCommands.Parameters(own, default)));

    private Registrations? Ask(ScsiDevice device) =>
        device.TryRead(ReservationCommands.ReadBlock(_fences), _block, Timeout, out var read) && read == _block.Length && FenceBlock.TryRead(_block, out var fences)
        && device.TryRead(ReservationCommands.ReadKeys(), _answer, Timeout, out var length) && ReservationCommands.TryParseKeys(_answer.AsSpan(0, length), out var generation, out var keys)
            ? new Registrations(generation, keys, fences)
            : null;

    private static bool Send(ScsiDevice device, byte[] command, byte[] parameters) =>
        device.TryWrite(command, parameters, Timeout) || device.TryWrite(command, parameters, Timeout);

    /// <summary>A path may come and go while the node runs.</summary>
    private void FindPaths()
    {
        if (_wwid.Length == 0) return;
        foreach (var block in Directory.EnumerateDirectories(Blocks, "sd*"))
            if (Path.GetFileName(block) is var name && !_paths.ContainsKey(name) && SiteLun.WwidOf(name) == _wwid) Open(name);
        foreach (var gone in _paths.Keys.Where(p => !Directory.Exists($"{Blocks}/{p}")).ToList())
        {
            _paths.Remove(gone, out var device);
            device?.Dispose();
        }
    }

    private void Open(string name)
    {
        if (ScsiDevice.TryOpen($"/dev/{name}") is { } device) _paths[name] = device;
    }

    private static bool IsRunning(ScsiDevice device)
    {
        try
        {
            return File.ReadAllText($"{Blocks}/{Path.GetFileName(device.Path)}/device/state").Trim() == "running";
        }
        catch (IOException)
        {
            return false; // it has just gone
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var device in _paths.Values) device.Dispose();
    }
}
