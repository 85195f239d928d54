using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>tgt on the host (see <see cref="SanKind.Tgt"/>).</summary>
internal sealed class TgtTarget(LabStore store, LabNetwork network, ICommandRunner runner) : ISanTarget
{
    private const string TargetId = "1";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // tgtd does not say whether its control port was free: labs that start at once take turns.
        using var turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var port = await FreeControlPortAsync(cancellationToken).ConfigureAwait(false);
        var options = store.Read().Options;
        var pidFile = Path.Combine(store.Directory, "tgtd.pid");
        File.Delete(pidFile); // tgtd writes into an old one without cutting it short
        await runner.RunAsync(network.Inside("tgtd", "-C", Text(port), "--iscsi", $"portal={options.Portal}", "-p", pidFile).WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken).ConfigureAwait(false);
        // It answers before it has written its number, and says nothing when the portal is taken.
        LabProcess? process = null;
        await Condition.WaitAsync($"tgtd at {options.Portal} in {options.Namespace}", TimeSpan.FromSeconds(30), async () =>
            (process = LabProcess.FromFile(pidFile)) is not null && await AnswersAsync(runner, port, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        await store.UpdateAsync(s => s with { San = process, SanControlPort = port }, cancellationToken).ConfigureAwait(false);
        await DefineTargetsAsync(options, cancellationToken).ConfigureAwait(false);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var state = store.Read();
        if (state.San is { } process) await process.KillAsync(cancellationToken).ConfigureAwait(false);
        await RemoveControlPortAsync(runner, state.SanControlPort, cancellationToken).ConfigureAwait(false);
        await store.UpdateAsync(s => s with { San = null, SanControlPort = 0 }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sessions that exist go on.</summary>
    public async Task ChangeSecretAsync(CancellationToken cancellationToken)
    {
        var options = store.Read().Options;
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "delete", "--user", options.ChapUser).ConfigureAwait(false);
        await DefineAccountAsync(TargetId, options.ChapUser, options.ChapSecret, cancellationToken).ConfigureAwait(false);
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

    private async Task DefineTargetsAsync(LabOptions options, CancellationToken cancellationToken)
    {
        foreach (var portal in options.Portals.Skip(1)) await TgtadmAsync(cancellationToken, "--mode", "portal", "--op", "new", "--param", $"portal={portal}").ConfigureAwait(false);
        foreach (var (index, (target, files)) in LabSan.TargetsOf(store).Index()) await DefineTargetAsync(Text(index + 1), target, files, index == 0 ? "san" : "other", cancellationToken).ConfigureAwait(false);
    }

    private async Task DefineTargetAsync(string id, LabTarget target, IReadOnlyList<string> files, string name, CancellationToken cancellationToken)
    {
        await TgtadmAsync(cancellationToken, "--mode", "target", "--op", "new", "--tid", id, "--targetname", target.Name).ConfigureAwait(false);
        // Of tgt's file back ends only rdwr punches holes on UNMAP (usr/bs_rdwr.c).
        foreach (var (index, file) in files.Index())
        {
            var lun = Text(index + 1);
            await TgtadmAsync(cancellationToken, "--mode", "logicalunit", "--op", "new", "--tid", id, "--lun", lun, "--backing-store", file, "--bstype", "rdwr").ConfigureAwait(false);
            await TgtadmAsync(cancellationToken, "--mode", "logicalunit", "--op", "update", "--tid", id, "--lun", lun, "--params",
                $"vendor_id=VIRTUALX,product_id=LAB SAN,product_rev=1,scsi_id=vl-lab-{name}{(index == 0 ? "" : lun)},scsi_sn=vllab{name}000{lun},thin_provisioning=1").ConfigureAwait(false);
        }
        await DefineAccountAsync(id, target.User, target.Secret, cancellationToken).ConfigureAwait(false);
        await TgtadmAsync(cancellationToken, "--mode", "target", "--op", "bind", "--tid", id, "--initiator-address", "ALL").ConfigureAwait(false);
    }

    private async Task DefineAccountAsync(string id, string user, string secret, CancellationToken cancellationToken)
    {
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "new", "--user", user, "--password", secret).ConfigureAwait(false);
        await TgtadmAsync(cancellationToken, "--mode", "account", "--op", "bind", "--tid", id, "--user", user).ConfigureAwait(false);
    }

    private Task<CommandResult> TgtadmAsync(CancellationToken cancellationToken, params IReadOnlyList<string> arguments)
    {
        var state = store.Read();
        return runner.RunAsync(ExternalCommand.Of("tgtadm", ["-C", Text(state.SanControlPort), "--lld", "iscsi", .. arguments]).WithSecret(state.Options.ChapSecret).WithSecret(state.Options.Other.Secret).WithTimeout(TimeSpan.FromSeconds(20)), cancellationToken);
    }

    private async Task<int> FreeControlPortAsync(CancellationToken cancellationToken)
    {
        for (var port = 100; port < 1000; port++)
            if (!File.Exists($"/var/run/tgtd/socket.{port}") || !await AnswersAsync(runner, port, cancellationToken).ConfigureAwait(false)) return port;
        throw new FailureException("900 targets run on this machine; end some of the labs");
    }

    private static async Task<bool> AnswersAsync(ICommandRunner runner, int port, CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(ExternalCommand.Of("tgtadm", "-C", Text(port), "--lld", "iscsi", "--mode", "target", "--op", "show").WithTimeout(TimeSpan.FromSeconds(10)).Accepting(), cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
