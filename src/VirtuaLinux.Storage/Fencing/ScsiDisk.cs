using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The site's LUN as a SCSI disk, through sg_persist(8) and sg_compare_and_write(8) of sg3_utils.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="disk">The whole LUN, such as <c>/dev/sda</c>, or a multipath device. Each of its paths is an initiator port of its own to the array (SPC-4, I_T nexus): all of them register, and what else is to be done is done over the first that serves.</param>
public sealed class ScsiDisk(ICommandRunner runner, string disk) : ISharedDisk
{
    // sg3_utils, EXIT STATUS
    private const int NotReady = 2, UnitAttention = 6, Miscompare = 14, Conflict = 24, InvalidOpcode = 9, IllegalRequest = 5;
    private const int Retries = 10;
    private const string AllRegistrants = "7";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly PlainBlocks _blocks = new(runner, disk);

    private bool? _canFence;
    private bool _canCompare = true;

    /// <inheritdoc/>
    public async Task<bool> CanFenceAsync(CancellationToken cancellationToken = default)
    {
        if (_canFence is { } known) return known;
        var result = await RunAsync([0, IllegalRequest, InvalidOpcode], cancellationToken, "--in", "--report-capabilities").ConfigureAwait(false);
        return (_canFence = result.ExitCode == 0 && SaysYes(result.Output, @"PTPL_C\)") && SaysYes(result.Output, "Write Exclusive, all registrants")).Value;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken = default)
    {
        var result = await RunAsync([0], cancellationToken, "--in", "--read-keys").ConfigureAwait(false);
        return [.. ParseKeys(result.Output).Distinct()];
    }

    /// <inheritdoc/>
    public async Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken = default)
    {
        var problems = new List<FailureException>();
        var paths = MultipathDisk.PathsOf(disk);
        foreach (var path in paths)
            try
            {
                await PersistAsync(p => Persistent(p, RegistrationOf(key)), path, [0], cancellationToken).ConfigureAwait(false);
            }
            catch (FailureException e)
            {
                problems.Add(e); // a path that is lost comes back as the initiator port that it was, with what that had registered
            }
        if (problems.Count == paths.Count) throw problems.FirstOrDefault() ?? new FailureException($"{disk} has no path");
    }

    /// <inheritdoc/>
    public Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken = default) =>
        RunAsync([0], cancellationToken, "--out", "--reserve", $"--param-rk={own}", $"--prout-type={AllRegistrants}");

    /// <inheritdoc/>
    public async Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken = default)
    {
        var result = await RunAsync([0, Conflict], cancellationToken, "--out", "--preempt-abort", $"--param-rk={own}", $"--param-sark={victim}", $"--prout-type={AllRegistrants}").ConfigureAwait(false);
        // Another node may have done the same a moment ago.
        if (result.ExitCode != Conflict) return;
        var keys = await ReadKeysAsync(cancellationToken).ConfigureAwait(false);
        if (!keys.Contains(own)) throw new FailureException(Gone($"preempt {victim}"));
        if (keys.Contains(victim)) throw new FailureException($"{disk}: the SAN refuses to shut {victim} out, although this machine is registered as {own}: see who holds the reservation with 'sg_persist --in --read-full-status {disk}'");
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Linux's target notes by initiator name, and not by initiator port, that somebody is registered: when one port is shut out, what the others send is refused, although their keys are listed (target_core_pr.c, DEF_PR_REG_ACTIVE).
    /// Only who holds the reservation is asked nothing. So where this happens another machine holds it, and it does not end while this one's registration is made anew.
    /// </remarks>
    public async Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken = default)
    {
        var held = await RunAsync([0], cancellationToken, "--in", "--read-reservation").ConfigureAwait(false);
        if (!held.Output.Contains("LU_SCOPE", StringComparison.Ordinal)) return false;
        var isAnew = false;
        foreach (var path in MultipathDisk.PathsOf(disk))
        {
            var result = await OnPathAsync([0, Conflict], "--out", "--reserve", $"--param-rk={own}", $"--prout-type={AllRegistrants}").ConfigureAwait(false);
            if (result.ExitCode == 0) continue;
            if (!(await ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Contains(own)) throw new FailureException(Gone("reserve"));
            isAnew = true;
            foreach (var key in (ReservationKey[])[default, own]) await OnPathAsync([0], RegistrationOf(key)).ConfigureAwait(false);

            Task<CommandResult> OnPathAsync(IReadOnlyList<int> accepted, params IReadOnlyList<string> arguments) => PersistAsync(p => Persistent(p, arguments), path, accepted, cancellationToken);
        }
        return isAnew;
    }

    /// <inheritdoc/>
    public Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken = default) => _blocks.ReadAsync(block, cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(old);
        ArgumentNullException.ThrowIfNull(next);
        if (!_canCompare) return await _blocks.ReplaceAsync(block, old, next, cancellationToken).ConfigureAwait(false);
        var file = Path.Combine(Path.GetTempPath(), $"virtualinux-{Guid.NewGuid():N}.caw");
        try
        {
            // The block as it must be, then as it shall be.
            await File.WriteAllBytesAsync(file, [.. old, .. next], cancellationToken).ConfigureAwait(false);
            var address = (await JournalStartAsync(runner, disk, cancellationToken).ConfigureAwait(false) * 512 + SanLayout.OffsetOf(block)) / old.Length;
            var result = await PersistAsync(
                path => ExternalCommand.Of("sg_compare_and_write", $"--in={file}", $"--lba={address.ToString(CultureInfo.InvariantCulture)}", "--num=1", $"--xferlen={(2 * old.Length).ToString(CultureInfo.InvariantCulture)}", path),
                [0, Miscompare, IllegalRequest, InvalidOpcode], cancellationToken).ConfigureAwait(false);
            if (result.ExitCode is 0 or Miscompare) return result.ExitCode == 0;
        }
        finally
        {
            File.Delete(file);
        }
        _canCompare = false;
        return await _blocks.ReplaceAsync(block, old, next, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The keys in what <c>sg_persist --in --read-keys</c> prints.</summary>
    internal static IReadOnlyList<ReservationKey> ParseKeys(string output)
    {
        var keys = new List<ReservationKey>();
        foreach (var line in output.Split('\n'))
            if (ReservationKey.TryParse(line.Trim(), out var key)) keys.Add(key);
        return keys;
    }

    /// <summary>Whether a line of <c>sg_persist --in --report-capabilities</c> ends with 1.</summary>
    internal static bool SaysYes(string output, string line) => Regex.IsMatch(output, $@"{line}: *1\s*$", RegexOptions.Multiline | RegexOptions.CultureInvariant);

    private string Gone(string refused) => $"{disk}: the SAN refuses '{refused}': this machine's registration is gone; it was fenced, or another machine took its place";

    /// <summary>Where the journal partition starts, in sectors of 512 bytes.</summary>
    internal static async Task<long> JournalStartAsync(ICommandRunner runner, string disk, CancellationToken cancellationToken = default)
    {
        var partition = Path.GetFileName(SanLayout.Partition(disk, 2));
        // The kernel shows no start of a mapped device, whose table ends with it: 0 32768 linear 254:0 526336.
        var text = MultipathDisk.Is(disk)
            ? (await new DeviceMapper(runner).TableAsync(partition, cancellationToken).ConfigureAwait(false)).Split(' ')[^1]
            : await File.ReadAllTextAsync($"/sys/class/block/{partition}/start", cancellationToken).ConfigureAwait(false);
        return long.Parse(text, CultureInfo.InvariantCulture);
    }

    private Task<CommandResult> RunAsync(IReadOnlyList<int> accepted, CancellationToken cancellationToken, params IReadOnlyList<string> arguments) =>
        PersistAsync(path => Persistent(path, arguments), accepted, cancellationToken);

    private static string[] RegistrationOf(ReservationKey key) => ["--out", "--register-ignore", $"--param-sark={key}", "--param-aptpl"];

    private static ExternalCommand Persistent(string path, params IReadOnlyList<string> arguments) => ExternalCommand.Of("sg_persist", ["--no-inquiry", .. arguments, path]);

    /// <summary>Sends a command over one path after the other until one serves. A conflict may only mean that this path is not registered: another one decides.</summary>
    private async Task<CommandResult> PersistAsync(Func<string, ExternalCommand> command, IReadOnlyList<int> accepted, CancellationToken cancellationToken)
    {
        var paths = MultipathDisk.PathsOf(disk);
        for (var i = 0; i < paths.Count - 1; i++)
            try
            {
                var result = await PersistAsync(command, paths[i], accepted, cancellationToken).ConfigureAwait(false);
                if (result.ExitCode != Conflict) return result;
            }
            catch (FailureException)
            {
                // The last path's failure is told.
            }
        return paths.Count > 0 ? await PersistAsync(command, paths[^1], accepted, cancellationToken).ConfigureAwait(false) : throw new FailureException($"{disk} has no path");
    }

    /// <summary>The first command after a login or a change of registrations may only report that something happened (unit attention): it is sent again.</summary>
    private async Task<CommandResult> PersistAsync(Func<string, ExternalCommand> commandFor, string path, IReadOnlyList<int> accepted, CancellationToken cancellationToken)
    {
        var command = commandFor(path);
        for (var attempt = 1; ; attempt++)
        {
            var result = await runner.RunAsync(command.Accepting().WithTimeout(TimeSpan.FromMinutes(2)), cancellationToken).ConfigureAwait(false);
            if (accepted.Contains(result.ExitCode)) return result;
            if (result.ExitCode == Conflict) throw new FailureException(Gone(command.ToString()));
            if (result.ExitCode is not (UnitAttention or NotReady) || attempt == Retries) throw new FailureException($"{path}: '{command}' failed with exit code {result.ExitCode}: {result.Error.Trim()}");
            await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
        }
    }
}
