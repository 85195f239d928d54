using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Logs in to the SAN, a session for each portal, with iscsiadm(8) and an iscsid(8) that is started in the initrd and stays: at no moment of a node's life is a lost session nobody's to bring back.</summary>
public sealed partial class IscsiInitiator(ICommandRunner runner, SiteSan san) : ISanTransport
{
    // open-iscsi, include/iscsi_err.h
    private const int AuthenticationFailed = 24;

    // The session itself makes a lost SAN a pause, however long, and no probe ends it (open-iscsi, README section 8).
    private static readonly string[] s_onePath = ["node.session.timeo.replacement_timeout = 86400", "node.conn[0].timeo.noop_out_interval = 0", "node.conn[0].timeo.noop_out_timeout = 0"];

    // A session that is lost must say so soon, for the requests to take another path; that none is left is a pause in the multipath device.
    private static readonly string[] s_severalPaths = ["node.session.timeo.replacement_timeout = 5", "node.conn[0].timeo.noop_out_interval = 5", "node.conn[0].timeo.noop_out_timeout = 5"];

    private static readonly string[] s_anyPath = ["node.session.initial_login_retry_max = 4", "node.conn[0].timeo.login_timeout = 15"];

    // Where distributions build open-iscsi to keep its records: the first up to Debian 12 and EL 9.
    private static readonly string[] s_recordPlaces = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"];

    private static readonly TimeSpan LoginTimeout = TimeSpan.FromMinutes(2);

    /// <summary>The initiator name of a machine of a site. The card is a part of it: open-iscsi gives every machine the same session identifier, so two machines under one name would share one registration of a reservation.</summary>
    public static string NameOf(string site, string node, MacAddress card) => $"iqn.2026-11.org.virtualinux:{site}:{node}:{card.ToString().Replace(":", "", StringComparison.Ordinal)}";

    /// <summary>Where open-iscsi keeps its records of portals on a node: in memory, since they have the secret in them. The places where open-iscsi looks (<see cref="s_recordPlaces"/>) lead here; in the root, the distribution's overlay sees to that.</summary>
    internal string Records { get; init; } = "/run/virtualinux/iscsi-nodes";

    string ISanTransport.NameOf(string site, string node, MacAddress card) => NameOf(site, node, card);

    /// <inheritdoc/>
    /// <remarks>Where the site has several portals, the LUN is a multipath device, also while only one of them can be reached.</remarks>
    public async Task<string> LoginAsync(string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        if (FindLun() is { } present) return present;
        await StartDaemonAsync(initiator, cancellationToken).ConfigureAwait(false);
        var sessions = (await OpenSessionsAsync(secret, cancellationToken).ConfigureAwait(false)).Count;
        IReadOnlyList<string> paths = [];
        for (var attempt = 0; attempt < 100 && paths.Count < sessions; attempt++)
        {
            if (attempt > 0) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
            paths = FindPaths();
        }
        // The kernel looks for partitions behind the disk's back: ask for them once more, which ends when they are there (BLKRRPART).
        foreach (var path in paths) await runner.RunAsync(ExternalCommand.Of("blockdev", "--rereadpt", path).Accepting(), cancellationToken).ConfigureAwait(false);
        if (paths.Count > 0 && san.Portals.Count == 1) return paths[0];
        if (paths.Count > 0)
        {
            var disk = await new MultipathDisk(runner).CreateAsync(paths, cancellationToken).ConfigureAwait(false);
            PathChecker.Start(Console.Error.WriteLine);
            return disk;
        }
        throw new FailureException($"target {san.Target} has no {(san.Wwid is null ? $"LUN {san.Lun}" : $"LUN with WWID {san.Wwid}")}; it offers {Offered()}; correct san.lun in the site file");
    }

    /// <inheritdoc/>
    /// <remarks>Whoever asks is told the targets (SendTargets, RFC 7143, appendix C).</remarks>
    public async Task<bool> OffersAsync(SanPortal portal, string initiator, CancellationToken cancellationToken = default)
    {
        var found = await runner.RunAsync(ExternalCommand.Of("iscsiadm", "--mode", "discovery", "--type", "sendtargets", "--portal", portal.ToString(), "--op", "nonpersistent").WithTimeout(TimeSpan.FromSeconds(30)).Accepting(), cancellationToken).ConfigureAwait(false);
        // ADDRESS:PORT,GROUP NAME
        return found.ExitCode == 0 && found.Output.Split('\n').Any(l => l.Split(' ') is [_, var name] && name.Trim() == san.Target);
    }

    /// <summary>
    /// Starts iscsid, in memory as all of the initrd. It outlives switch_root, sees <c>/sys</c> and <c>/dev</c> where they were (templates/initrd/init), and is spared when the machine shuts down:
    /// systemd lets a process alone whose name begins with @ (systemd, docs/ROOT_STORAGE_DAEMONS).
    /// </summary>
    private async Task StartDaemonAsync(string initiator, CancellationToken cancellationToken)
    {
        if (File.Exists("/run/iscsid.pid")) return;
        foreach (var folder in (string[])["/etc/iscsi", "/var/lib/iscsi", "/run/lock"]) Directory.CreateDirectory(folder);
        MakeRecords();
        foreach (var place in s_recordPlaces)
        {
            File.Delete(place);
            File.CreateSymbolicLink(place, Records);
        }
        await File.WriteAllTextAsync("/etc/iscsi/iscsid.conf", "", cancellationToken).ConfigureAwait(false);
        await File.WriteAllTextAsync("/etc/iscsi/initiatorname.iscsi", $"InitiatorName={initiator}\n", cancellationToken).ConfigureAwait(false);
        File.Delete("/usr/sbin/@iscsid");
        File.CreateSymbolicLink("/usr/sbin/@iscsid", "iscsid");
        // A daemon would keep the pipes open that this program reads to their end.
        await runner.RunAsync(ExternalCommand.Of("sh", "-c", "@iscsid < /dev/null > /dev/null 2>&1"), cancellationToken).ConfigureAwait(false);
    }

    private void MakeRecords() => Directory.CreateDirectory(Records, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    /// <summary>The number of iscsi_err.h in iscsiadm's words, <c>initiator reported error (24 - …)</c>.</summary>
    internal static int? ReportedError(string error) => Reported().Match(error) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"reported error \((\d+) -")]
    private static partial Regex Reported();

    /// <inheritdoc cref="PortalLogin.OpenAsync"/>
    internal Task<IReadOnlyList<SanPortal>> OpenSessionsAsync(string? secret, CancellationToken cancellationToken)
    {
        if (san.Chap is { } chap && secret is null) throw new FailureException($"the SAN asks user '{chap.User}' for a CHAP secret, and none is known; write it into {chap.SecretFile} beside the site file");
        return PortalLogin.OpenAsync(san, portal => TryLoginAsync(portal, secret, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>Under the name that iscsid was given when this machine booted.</remarks>
    public async Task AddPortalAsync(SanPortal portal, string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        if (await TryLoginAsync(portal, secret, cancellationToken).ConfigureAwait(false) is { } problem) throw new FailureException($"{portal}: {problem}");
    }

    /// <summary>Why the portal does not let this machine in; null if it does.</summary>
    /// <exception cref="FailureException">The secret is wrong, and so it is at every other portal.</exception>
    private async Task<string?> TryLoginAsync(SanPortal portal, string? secret, CancellationToken cancellationToken)
    {
        // What this machine booted with counts: the site may name other portals by now.
        List<string> settings = [.. s_anyPath, .. san.Portals.Count > 1 || FindLun() is { } lun && MultipathDisk.Is(lun) ? s_severalPaths : s_onePath];
        // On a command line everybody on the node could read it.
        if (san.Chap is { } chap) settings.AddRange(["node.session.auth.authmethod = CHAP", $"node.session.auth.username = {chap.User}", $"node.session.auth.password = {secret}"]);
        MakeRecords();
        try
        {
            await runner.RunAsync(Iscsiadm("--op", "new"), cancellationToken).ConfigureAwait(false);
            // ADDRESS,PORT is a file as long as the portal group is not known, and a folder ADDRESS,PORT,GROUP then (open-iscsi, usr/idbm.c).
            foreach (var record in Directory.GetFiles(Path.Combine(Records, san.Target), "*", SearchOption.AllDirectories).Where(f => $"{f},".Contains($"/{portal.Address},{portal.Port},", StringComparison.Ordinal)))
                await File.AppendAllLinesAsync(record, settings, cancellationToken).ConfigureAwait(false);
            var result = await runner.RunAsync(Iscsiadm("--login").Accepting(), cancellationToken).ConfigureAwait(false);
            if (ReportedError(result.Error) == AuthenticationFailed)
                throw new FailureException($"the SAN at {portal} refuses user '{san.Chap?.User}': wrong CHAP user or secret; correct chap.user in the site file or the secret in {san.Chap?.SecretFile ?? "chap.secretFile"}");
            return result.ExitCode == 0 ? null : result.Error.ReplaceLineEndings(" ").Trim();
        }
        catch (ExternalCommandException e)
        {
            return e.Message; // killed after the time-out: another portal may be healthier
        }

        ExternalCommand Iscsiadm(params IReadOnlyList<string> arguments) =>
            ExternalCommand.Of("iscsiadm", ["--mode", "node", "--targetname", san.Target, "--portal", portal.ToString(), .. arguments]).WithTimeout(LoginTimeout);
    }

    /// <inheritdoc/>
    public IReadOnlyList<(string Disk, string Wwid)> Luns() => [.. Paths().Select(p => (MultipathDisk.Over(p.Path) ?? p.Path, p.Wwid)).Distinct()];

    /// <summary>The LUNs of the target as every session shows them.</summary>
    private IEnumerable<(string Path, int Lun, string Wwid)> Paths()
    {
        if (!Directory.Exists("/sys/class/iscsi_session")) yield break;
        foreach (var session in Directory.GetDirectories("/sys/class/iscsi_session"))
        {
            var targetName = Path.Combine(session, "targetname");
            if (!File.Exists(targetName) || File.ReadAllText(targetName).Trim() != san.Target) continue;
            var marker = $"/{Path.GetFileName(session)}/";
            foreach (var block in Directory.GetDirectories("/sys/class/block", "sd*"))
            {
                var real = new DirectoryInfo(block).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? block;
                var name = Path.GetFileName(real);
                if (!real.Contains(marker, StringComparison.Ordinal) || Path.GetFileName(Path.GetDirectoryName(real)) != "block") continue;
                // …/session1/target2:0:0/2:0:0:1/block/sda
                var address = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(real)))!;
                if (!int.TryParse(address.AsSpan(address.LastIndexOf(':') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var lun)) continue;
                yield return ($"/dev/{name}", lun, SiteLun.WwidOf(name));
            }
        }
    }

    /// <inheritdoc/>
    public string? FindLun(string? wwid = null) => FindPaths(wwid) is [var first, ..] ? MultipathDisk.Over(first) ?? first : null;

    /// <summary>The LUN that the SAN names, or the one with an identifier, as every session shows it.</summary>
    public IReadOnlyList<string> FindPaths(string? wwid = null) =>
        [.. Paths().Where(l => (wwid ?? san.Wwid) is { } id ? l.Wwid == id : l.Lun == san.Lun).Select(l => l.Path).Where(File.Exists).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public async Task<string?> AttachAsync(string wwid, CancellationToken cancellationToken = default)
    {
        if (FindLun(wwid) is not { } disk)
        {
            Scan();
            return null;
        }
        // What this machine booted with counts: the site may name other portals by now.
        var several = FindLun() is { } first && MultipathDisk.Is(first);
        if (File.Exists(SanLayout.Partition(disk, 1)) && MultipathDisk.Is(disk) == several) return disk;
        if (several) await new MultipathDisk(runner).EnsureAsync(FindPaths(wwid), cancellationToken).ConfigureAwait(false);
        else await runner.RunAsync(ExternalCommand.Of("blockdev", "--rereadpt", disk).Accepting(), cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <inheritdoc/>
    /// <remarks>Of all sessions, whatever their target (the kernel's scsi_transport_iscsi, user scan).</remarks>
    public void Scan()
    {
        const string hosts = "/sys/class/iscsi_host";
        if (!Directory.Exists(hosts)) return;
        foreach (var host in Directory.GetDirectories(hosts)) File.WriteAllText($"/sys/class/scsi_host/{Path.GetFileName(host)}/scan", "- - -");
    }

    /// <inheritdoc/>
    public async Task RescanAsync(string disk, CancellationToken cancellationToken = default)
    {
        if (MultipathDisk.Is(disk)) await new MultipathDisk(runner).RescanAsync(disk, cancellationToken).ConfigureAwait(false);
        else if ($"/sys/class/block/{Path.GetFileName(disk)}/device/rescan" is var rescan && File.Exists(rescan)) await File.WriteAllTextAsync(rescan, "1", cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IReadOnlyList<SanPortal> MissingPortals()
    {
        const string connections = "/sys/class/iscsi_connection";
        var open = Directory.Exists(connections) ? Directory.GetDirectories(connections).Select(c => $"{Read(c, "persistent_address")}:{Read(c, "persistent_port")}").ToHashSet() : [];
        return [.. san.Portals.Where(p => !open.Contains(p.ToString()))];

        static string Read(string connection, string attribute) => File.ReadAllText(Path.Combine(connection, attribute)).Trim();
    }

    private string Offered() => string.Join(", ", Paths().Select(l => $"LUN {l.Lun} ({l.Wwid})").Distinct().DefaultIfEmpty("none"));
}
