using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>Tier 0: an iSCSI target in user space (tgt) with one thin-provisioned LUN behind CHAP.</summary>
/// <remarks>tgt's persistent reservations do not survive a re-login (usr/spc.c): fencing needs another target.</remarks>
public sealed class LabSan
{
    private const string TargetId = "1";
    private readonly LabStore _store;
    private readonly LabNetwork _network;
    private readonly ICommandRunner _runner;

    internal LabSan(LabStore store, LabNetwork network, ICommandRunner runner) => (_store, _network, _runner) = (store, network, runner);

    /// <summary>The sparse file behind the LUN.</summary>
    public string BackingFile => Path.Combine(_store.Read().Options.SanDirectory ?? _store.Directory, "san.img");

    /// <summary>Whether the target runs.</summary>
    public bool IsRunning => _store.Read().San is { IsAlive: true };

    /// <summary>Starts the target; does nothing when it runs.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) return;
        // tgtd does not say whether its control port was free: labs that start at once take turns.
        using var turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var port = await FreeControlPortAsync(cancellationToken).ConfigureAwait(false);
        var options = _store.Read().Options;
        var pidFile = Path.Combine(_store.Directory, "tgtd.pid");
        File.Delete(pidFile); // tgtd writes into an old one without cutting it short
        await _runner.RunAsync(_network.Inside("tgtd", "-C", Text(port), "--iscsi", $"portal={options.Portal}", "-p", pidFile).WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken).ConfigureAwait(false);
        // It answers before it has written its number, and says nothing when the portal is taken.
        LabProcess? process = null;
        await Condition.WaitAsync($"tgtd at {options.Portal} in {options.Namespace}", TimeSpan.FromSeconds(30), async () =>
            (process = LabProcess.FromFile(pidFile)) is not null && await AnswersAsync(_runner, port, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        await _store.UpdateAsync(s => s with { San = process, SanControlPort = port }, cancellationToken).ConfigureAwait(false);
        await DefineTargetAsync(options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops the target at once, as a SAN whose power fails; the initiators' connections break.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        using var turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var state = _store.Read();
        if (state.San is { } process) await process.KillAsync(cancellationToken).ConfigureAwait(false);
        await RemoveControlPortAsync(_runner, state.SanControlPort, cancellationToken).ConfigureAwait(false);
        await _store.UpdateAsync(s => s with { San = null, SanControlPort = 0 }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets every request wait, as an array whose controllers change places; <see cref="ResumeAsync"/> goes on where it was.</summary>
    public Task PauseAsync(CancellationToken cancellationToken = default) => _store.Read().San?.SignalAsync("STOP", _runner, cancellationToken) ?? Task.CompletedTask;

    /// <summary>Ends a pause.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken = default) => _store.Read().San?.SignalAsync("CONT", _runner, cancellationToken) ?? Task.CompletedTask;

    /// <summary>Changes the secret that the target asks for; sessions that exist go on.</summary>
    public async Task SetChapSecretAsync(string secret, CancellationToken cancellationToken = default)
    {
        var state = await _store.UpdateAsync(s => s with { Options = s.Options with { ChapSecret = secret } }, cancellationToken).ConfigureAwait(false);
        if (!IsRunning) return;
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "delete", "--user", state.Options.ChapUser).ConfigureAwait(false);
        await DefineAccountAsync(state.Options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes the size of the LUN. Initiators see it at their next login; tgt reads the size when a LUN is made, so the target restarts.</summary>
    public async Task ResizeAsync(ByteSize size, CancellationToken cancellationToken = default)
    {
        var wasRunning = IsRunning;
        await StopAsync(cancellationToken).ConfigureAwait(false);
        await _store.UpdateAsync(s => s with { Options = s.Options with { SanSize = size } }, cancellationToken).ConfigureAwait(false);
        MakeBackingFile(size, fresh: false);
        if (wasRunning) await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Space that the LUN takes on the host's disk, in bytes: what was written and not given back.</summary>
    public async Task<ByteSize> AllocatedAsync(CancellationToken cancellationToken = default)
    {
        var result = await _runner.RunAsync(ExternalCommand.Of("stat", "--format=%b", BackingFile), cancellationToken).ConfigureAwait(false);
        return new ByteSize(long.Parse(result.Output, CultureInfo.InvariantCulture) * 512);
    }

    /// <summary>Only who has the turn starts or ends a target: a number whose target has died must not be taken by one lab while another still clears it away.</summary>
    internal static Task<IDisposable> TakeTurnAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(LabPaths.RunDirectory);
        return LockFile.TakeAsync(Path.Combine(LabPaths.RunDirectory, "tgtd.lock"), TimeSpan.FromMinutes(1), cancellationToken);
    }

    /// <summary>Clears away what a target that is gone left; a number on which one answers is another lab's by now.</summary>
    internal static async Task RemoveControlPortAsync(ICommandRunner runner, int port, CancellationToken cancellationToken)
    {
        if (port == 0 || await AnswersAsync(runner, port, cancellationToken).ConfigureAwait(false)) return;
        foreach (var end in (string[])["", ".lock"]) File.Delete($"/var/run/tgtd/socket.{Text(port)}{end}");
    }

    internal void MakeBackingFile(ByteSize size, bool fresh)
    {
        var path = BackingFile;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = new FileStream(path, fresh ? FileMode.Create : FileMode.OpenOrCreate, FileAccess.ReadWrite);
        file.SetLength(size.Bytes);
    }

    private async Task DefineTargetAsync(LabOptions options, CancellationToken cancellationToken)
    {
        await TgtadmAsync(cancellationToken, "--mode", "target", "--op", "new", "--tid", TargetId, "--targetname", options.Target).ConfigureAwait(false);
        // Of tgt's file back ends only rdwr punches holes on UNMAP (usr/bs_rdwr.c).
        await TgtadmAsync(cancellationToken, "--mode", "logicalunit", "--op", "new", "--tid", TargetId, "--lun", "1", "--backing-store", BackingFile, "--bstype", "rdwr").ConfigureAwait(false);
        await TgtadmAsync(cancellationToken, "--mode", "logicalunit", "--op", "update", "--tid", TargetId, "--lun", "1", "--params",
            "vendor_id=VIRTUALX,product_id=LAB SAN,product_rev=1,scsi_id=vl-lab-san,scsi_sn=vllabsan0001,thin_provisioning=1").ConfigureAwait(false);
        await DefineAccountAsync(options, cancellationToken).ConfigureAwait(false);
        await TgtadmAsync(cancellationToken, "--mode", "target", "--op", "bind", "--tid", TargetId, "--initiator-address", "ALL").ConfigureAwait(false);
    }

    private async Task DefineAccountAsync(LabOptions options, CancellationToken cancellationToken)
    {
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "new", "--user", options.ChapUser, "--password", options.ChapSecret).ConfigureAwait(false);
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "bind", "--tid", TargetId, "--user", options.ChapUser).ConfigureAwait(false);
    }

    private Task<CommandResult> TgtadmAsync(CancellationToken cancellationToken, params IReadOnlyList<string> arguments)
    {
        var state = _store.Read();
        return _runner.RunAsync(ExternalCommand.Of("tgtadm", ["-C", Text(state.SanControlPort), "--lld", "iscsi", .. arguments]).WithSecret(state.Options.ChapSecret).WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken);
    }

    private async Task<int> FreeControlPortAsync(CancellationToken cancellationToken)
    {
        for (var port = 100; port < 1000; port++)
            if (!File.Exists($"/var/run/tgtd/socket.{port}") || !await AnswersAsync(_runner, port, cancellationToken).ConfigureAwait(false)) return port;
        throw new FailureException("900 targets run on this machine; end some of the labs");
    }

    private static async Task<bool> AnswersAsync(ICommandRunner runner, int port, CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(ExternalCommand.Of("tgtadm", "-C", Text(port), "--lld", "iscsi", "--mode", "target", "--op", "show").WithTimeout(TimeSpan.FromSeconds(10)).Accepting(), cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
