using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>Tier 0: a target with one thin-provisioned LUN, behind CHAP if it speaks iSCSI; <see cref="SanKind"/> says which.</summary>
public sealed class LabSan
{
    private readonly LabStore _store;
    private readonly ICommandRunner _runner;
    private readonly ISanTarget _target;

    internal LabSan(LabStore store, LabNetwork network, ICommandRunner runner)
    {
        _store = store;
        _runner = runner;
        _target = store.Read().Options.SanKind == SanKind.Tgt ? new TgtTarget(store, network, runner) : new KernelTarget(store, network, runner);
    }

    /// <summary>The sparse file behind the LUN.</summary>
    public string BackingFile => BackingFileOf(_store);

    /// <summary>Whether the target runs.</summary>
    public bool IsRunning => _store.Read().San is { IsAlive: true };

    /// <summary>Starts the target; does nothing when it runs.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) return;
        await _target.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops the target at once, as a SAN whose power fails; the initiators' connections break.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _target.StopAsync(cancellationToken);

    /// <summary>Lets every request wait, as an array whose controllers change places; <see cref="ResumeAsync"/> goes on where it was.</summary>
    public Task PauseAsync(CancellationToken cancellationToken = default) => _store.Read().San?.SignalAsync("STOP", _runner, cancellationToken) ?? Task.CompletedTask;

    /// <summary>Ends a pause.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken = default) => _store.Read().San?.SignalAsync("CONT", _runner, cancellationToken) ?? Task.CompletedTask;

    /// <summary>Changes the secret that the target asks for. With tgt sessions that exist go on; LIO's machine restarts.</summary>
    public async Task SetChapSecretAsync(string secret, CancellationToken cancellationToken = default)
    {
        if (_store.Read().Options.SanKind == SanKind.Nvmet) throw new FailureException("the lab's NVMe target asks for no secret; make the lab with '--san tgt' or '--san lio'");
        await _store.UpdateAsync(s => s with { Options = s.Options with { ChapSecret = secret } }, cancellationToken).ConfigureAwait(false);
        if (IsRunning) await _target.ChangeSecretAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes the size of the LUN. Initiators see it at their next login; both targets read the size when a LUN is made, so they restart.</summary>
    public async Task ResizeAsync(ByteSize size, CancellationToken cancellationToken = default)
    {
        var wasRunning = IsRunning;
        await StopAsync(cancellationToken).ConfigureAwait(false);
        await _store.UpdateAsync(s => s with { Options = s.Options with { SanSize = size } }, cancellationToken).ConfigureAwait(false);
        MakeBackingFile(size, fresh: false);
        if (wasRunning) await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds a second LUN, empty and with a WWID of its own. The target restarts, as with <see cref="ResizeAsync"/>.</summary>
    public async Task AddLunAsync(ByteSize size, CancellationToken cancellationToken = default)
    {
        var wasRunning = IsRunning;
        await StopAsync(cancellationToken).ConfigureAwait(false);
        await using (var file = new FileStream(SecondFileOf(_store), FileMode.CreateNew)) file.SetLength(size.Bytes);
        if (wasRunning) await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds another array: <see cref="LabOptions.Other"/>, at the same portals, with one empty LUN. The target restarts, as with <see cref="ResizeAsync"/>.</summary>
    public async Task AddTargetAsync(ByteSize size, CancellationToken cancellationToken = default)
    {
        var wasRunning = IsRunning;
        await StopAsync(cancellationToken).ConfigureAwait(false);
        await using (var file = new FileStream(OtherFile, FileMode.CreateNew)) file.SetLength(size.Bytes);
        if (wasRunning) await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The sparse file behind the LUN of the other array.</summary>
    public string OtherFile => OtherFileOf(_store);

    /// <summary>Space that the LUN takes on the host's disk, in bytes: what was written and not given back.</summary>
    public async Task<ByteSize> AllocatedAsync(CancellationToken cancellationToken = default)
    {
        var result = await _runner.RunAsync(ExternalCommand.Of("stat", "--format=%b", BackingFile), cancellationToken).ConfigureAwait(false);
        return new ByteSize(long.Parse(result.Output, CultureInfo.InvariantCulture) * 512);
    }

    internal static string BackingFileOf(LabStore store) => Path.Combine(store.Read().Options.SanDirectory ?? store.Directory, "san.img");

    /// <summary>The targets, each with the files of its LUNs, from LUN 1 on.</summary>
    internal static IReadOnlyList<(LabTarget Target, IReadOnlyList<string> Files)> TargetsOf(LabStore store)
    {
        var options = store.Read().Options;
        string[] first = [BackingFileOf(store), .. File.Exists(SecondFileOf(store)) ? (string[])[SecondFileOf(store)] : []];
        var own = new LabTarget(options.Target, options.ChapUser, options.ChapSecret);
        return File.Exists(OtherFileOf(store)) ? [(own, first), (options.Other, [OtherFileOf(store)])] : [(own, first)];
    }

    private static string SecondFileOf(LabStore store) => Path.ChangeExtension(BackingFileOf(store), ".2.img");

    private static string OtherFileOf(LabStore store) => Path.ChangeExtension(BackingFileOf(store), ".other.img");

    internal void MakeBackingFile(ByteSize size, bool fresh)
    {
        var path = BackingFile;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (fresh)
            foreach (var more in (string[])[SecondFileOf(_store), OtherFile]) File.Delete(more);
        using var file = new FileStream(path, fresh ? FileMode.Create : FileMode.OpenOrCreate, FileAccess.ReadWrite);
        file.SetLength(size.Bytes);
    }
}
