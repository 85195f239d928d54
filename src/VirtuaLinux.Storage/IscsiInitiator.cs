using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Logs in to the SAN from the initrd with iscsistart(8): a session for each portal, which iscsid takes over in the real root.</summary>
public sealed partial class IscsiInitiator(ICommandRunner runner)
{
    // open-iscsi, include/iscsi_err.h
    private const int AuthenticationFailed = 24;

    // The session itself makes a lost SAN a pause, however long, and no probe ends it (open-iscsi, README section 8).
    private static readonly string[] s_onePath = ["node.session.timeo.replacement_timeout=86400", "node.conn[0].timeo.noop_out_interval=0", "node.conn[0].timeo.noop_out_timeout=0"];

    // A session that is lost must say so soon, for the requests to take another path; that none is left is a pause in the multipath device. The same in the image's iscsid.conf.
    private static readonly string[] s_severalPaths = ["node.session.timeo.replacement_timeout=5", "node.conn[0].timeo.noop_out_interval=5", "node.conn[0].timeo.noop_out_timeout=5"];

    private static readonly TimeSpan ReachDeadline = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan LoginTimeout = TimeSpan.FromMinutes(2);

    /// <summary>The initiator name of a machine of a site. The card is a part of it: open-iscsi gives every machine the same session identifier, so two machines under one name would share one registration of a reservation.</summary>
    public static string NameOf(string site, string node, MacAddress card) => $"iqn.2026-11.org.virtualinux:{site}:{node}:{card.ToString().Replace(":", "", StringComparison.Ordinal)}";

    /// <summary>Logs in through every portal that lets this machine in and waits for the LUN. Where the site has several portals, the LUN is a multipath device, also while only one of them can be reached.</summary>
    /// <param name="san">Portals, target and LUN.</param>
    /// <param name="initiator">This machine's initiator name.</param>
    /// <param name="secret">The CHAP secret, if <paramref name="san"/> names a user.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>Path of the LUN, such as <c>/dev/sda</c>, or <c>/dev/mapper/360…</c>.</returns>
    /// <exception cref="FailureException">No portal lets this machine in, the secret is wrong, or the LUN is not there.</exception>
    public async Task<string> LoginAsync(SiteSan san, string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(san);
        if (FindLun(san) is { } present) return present;
        var sessions = (await OpenSessionsAsync(san, initiator, secret, cancellationToken).ConfigureAwait(false)).Count;
        IReadOnlyList<string> paths = [];
        for (var attempt = 0; attempt < 100 && paths.Count < sessions; attempt++)
        {
            if (attempt > 0) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
            paths = FindPaths(san);
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
        throw new FailureException($"target {san.Target} has no {(san.Wwid is null ? $"LUN {san.Lun}" : $"LUN with WWID {san.Wwid}")}; it offers {Offered(san)}; correct san.lun in the site file");
    }

    /// <summary>Whether a portal names a target to whoever asks (SendTargets, RFC 7143, appendix C).</summary>
    /// <returns>False also when it cannot be reached.</returns>
    public async Task<bool> OffersAsync(IscsiPortal portal, string target, CancellationToken cancellationToken = default)
    {
        var found = await runner.RunAsync(ExternalCommand.Of("iscsiadm", "--mode", "discovery", "--type", "sendtargets", "--portal", portal.ToString(), "--op", "nonpersistent").WithTimeout(TimeSpan.FromSeconds(30)).Accepting(), cancellationToken).ConfigureAwait(false);
        // ADDRESS:PORT,GROUP NAME
        return found.ExitCode == 0 && found.Output.Split('\n').Any(l => l.Split(' ') is [_, var name] && name.Trim() == target);
    }

    /// <summary>World-wide identifier of a SCSI disk, or of what a multipath device leads to, as the kernel shows it, such as <c>naa.…</c> or <c>t10.…</c>.</summary>
    public static string WwidOf(string disk)
    {
        var file = $"/sys/class/block/{Path.GetFileName(MultipathDisk.PathsOf(disk).FirstOrDefault(disk))}/device/wwid";
        try
        {
            return File.Exists(file) ? File.ReadAllText(file).Trim() : "";
        }
        catch (IOException)
        {
            return ""; // a LUN without the page of identifiers (SPC-5, VPD page 83h)
        }
    }

    /// <summary>The number of iscsi_err.h in iscsistart's words, <c>initiator reported error (24 - …)</c>: its exit code is 1 for all of them.</summary>
    internal static int? ReportedError(string error) => Reported().Match(error) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"reported error \((\d+) -")]
    private static partial Regex Reported();

    /// <summary>Logs in through the portals in their order; while none of them can be reached, again and again for two minutes. One is enough: nothing waits for the others.</summary>
    /// <returns>The portals that sessions go through, at least one.</returns>
    internal async Task<IReadOnlyList<IscsiPortal>> OpenSessionsAsync(SiteSan san, string initiator, string? secret, CancellationToken cancellationToken)
    {
        if (san.Chap is { } chap && secret is null) throw new FailureException($"the SAN asks user '{chap.User}' for a CHAP secret, and none is known; write it into {chap.SecretFile} beside the site file");
        // After a blackout an array starts more slowly than a blade, and a switch port may learn for half a minute first.
        var deadline = DateTime.UtcNow + ReachDeadline;
        while (true)
        {
            var problems = new List<string>();
            var open = new List<IscsiPortal>();
            var reached = false;
            foreach (var portal in san.Portals)
            {
                var problem = await ReachAsync(portal, cancellationToken).ConfigureAwait(false);
                if (problem is null)
                {
                    reached = true;
                    problem = await TryLoginAsync(san, portal, initiator, secret, cancellationToken).ConfigureAwait(false);
                }
                if (problem is null) open.Add(portal);
                else problems.Add($"{portal}: {problem}");
            }
            if (open.Count > 0) return open;
            if (reached) throw new FailureException($"no login to target {san.Target}: {string.Join("; ", problems)}; check san.target in the site file and the target's access list");
            if (DateTime.UtcNow > deadline) throw new FailureException($"the SAN cannot be reached: {string.Join("; ", problems)}; check the cable, the array, and san.portals in the site file");
            await Task.Delay(TimeSpan.FromSeconds(3), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Why the portal cannot be reached; null if it can.</summary>
    public static async Task<string?> ReachAsync(IscsiPortal portal, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(10));
        try
        {
            await socket.ConnectAsync(portal.Address.ToIPAddress(), portal.Port, timeout.Token).ConfigureAwait(false);
            return null;
        }
        catch (SocketException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer in 10 s";
        }
    }

    /// <summary>Why the portal does not let this machine in; null if it does.</summary>
    /// <exception cref="FailureException">The secret is wrong, and so it is at every other portal.</exception>
    private async Task<string?> TryLoginAsync(SiteSan san, IscsiPortal portal, string initiator, string? secret, CancellationToken cancellationToken)
    {
        // iscsistart insists on a portal group tag, never sends it, and replaces it by the one that the target names (open-iscsi,
        // usr/login.c, TargetPortalGroupTag): 1 does for every array.
        var login = ExternalCommand.Of("iscsistart",
            "-i", initiator, "-t", san.Target, "-g", "1", "-a", portal.Address.ToString(), "-p", portal.Port.ToString(CultureInfo.InvariantCulture),
            "-P", "node.session.initial_login_retry_max=4");
        foreach (var timeout in san.Portals.Count == 1 ? s_onePath : s_severalPaths) login = login.With("-P", timeout);
        if (san.Chap is { } chap) login = login.With("-u", chap.User, "-w", secret!).WithSecret(secret!);
        try
        {
            var result = await runner.RunAsync(login.Accepting().WithTimeout(LoginTimeout), cancellationToken).ConfigureAwait(false);
            if (ReportedError(result.Error) == AuthenticationFailed)
                throw new FailureException($"the SAN at {portal} refuses user '{san.Chap?.User}': wrong CHAP user or secret; correct chap.user in the site file or the secret in {san.Chap?.SecretFile ?? "chap.secretFile"}");
            return result.ExitCode == 0 ? null : result.Error.ReplaceLineEndings(" ").Trim();
        }
        catch (ExternalCommandException e)
        {
            return e.Message; // killed after the time-out: another portal may be healthier
        }
    }

    /// <summary>The LUNs of the target that this machine has sessions to.</summary>
    public static IEnumerable<(string Disk, int Lun, string Wwid)> Luns(SiteSan san)
    {
        ArgumentNullException.ThrowIfNull(san);
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
                yield return ($"/dev/{name}", lun, WwidOf(name));
            }
        }
    }

    /// <summary>Path of the site's LUN, such as <c>/dev/sda</c>, or of the multipath device that leads to it; null without a session.</summary>
    public static string? FindLun(SiteSan san) => FindPaths(san) is [var first, ..] ? MultipathDisk.Over(first) ?? first : null;

    /// <summary>The site's LUN as every session shows it.</summary>
    public static IReadOnlyList<string> FindPaths(SiteSan san)
    {
        ArgumentNullException.ThrowIfNull(san);
        return [.. Luns(san).Where(l => san.Wwid is null ? l.Lun == san.Lun : l.Wwid == san.Wwid).Select(l => l.Disk).Where(File.Exists).Order(StringComparer.Ordinal)];
    }

    /// <summary>Portals of the SAN that this machine has no session through, whatever state the others are in.</summary>
    public static IReadOnlyList<IscsiPortal> MissingPortals(SiteSan san)
    {
        ArgumentNullException.ThrowIfNull(san);
        const string connections = "/sys/class/iscsi_connection";
        var open = Directory.Exists(connections) ? Directory.GetDirectories(connections).Select(c => $"{Read(c, "persistent_address")}:{Read(c, "persistent_port")}").ToHashSet() : [];
        return [.. san.Portals.Where(p => !open.Contains(p.ToString()))];

        static string Read(string connection, string attribute) => File.ReadAllText(Path.Combine(connection, attribute)).Trim();
    }

    private static string Offered(SiteSan san) =>
        string.Join(", ", Luns(san).Select(l => $"LUN {l.Lun} ({l.Wwid})").Distinct().DefaultIfEmpty("none"));
}
