using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>
/// Connects to an NVMe subsystem over TCP (NVM Express, TCP Transport Specification). The kernel does all the rest, in the initrd as in the running system:
/// it makes one disk of a namespace over all controllers (Documentation/admin-guide/nvme-multipath.rst), connects each of them again for ever, and keeps requests until one serves.
/// </summary>
/// <param name="runner">Runs programs.</param>
/// <param name="san">The SAN: its target is the subsystem, its LUN a namespace.</param>
/// <param name="classes">The kernel's folder of device classes.</param>
public sealed partial class NvmeInitiator(ICommandRunner runner, SiteSan san, string classes = "/sys/class") : ISanTransport
{
    private const string Fabrics = "/dev/nvme-fabrics";

    /// <inheritdoc/>
    public string NameOf(string site, string node, MacAddress card) => $"nqn.2026-11.org.virtualinux:{site}:{node}:{card.ToString().Replace(":", "", StringComparison.Ordinal)}";

    /// <summary>The identifier of a host (NVM Express Base Specification, Host Identifier), made of its name: a UUID of version 8 (RFC 9562, section 5.8).</summary>
    internal static Guid HostIdOf(string initiator)
    {
        var id = SHA256.HashData(Encoding.UTF8.GetBytes(initiator)).AsSpan(0, 16);
        id[6] = (byte)(id[6] & 0x0F | 0x80);
        id[8] = (byte)(id[8] & 0x3F | 0x80);
        return new Guid(id, bigEndian: true);
    }

    /// <summary>What <c>/dev/nvme-fabrics</c> is told (the kernel's drivers/nvme/host/fabrics.c). A path that is lost is seen after 8 s at most (a question every 2.5 s, and 5 s for its answer), and looked for every 2 s, for ever.</summary>
    internal string Options(SanPortal portal, string initiator) => string.Create(CultureInfo.InvariantCulture,
        $"transport=tcp,traddr={portal.Address},trsvcid={portal.Port},nqn={san.Target},hostnqn={initiator},hostid={HostIdOf(initiator)},ctrl_loss_tmo=-1,reconnect_delay=2,keep_alive_tmo=5");

    /// <inheritdoc/>
    public async Task<string> LoginAsync(string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        if (FindLun() is { } present) return present;
        await PortalLogin.OpenAsync(san, portal => TryConnectAsync(portal, initiator, cancellationToken), cancellationToken).ConfigureAwait(false);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            if (attempt > 0) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
            // Refused until the kernel has looked for partitions by itself (BLKRRPART).
            if (FindLun() is { } disk && (await runner.RunAsync(Reread(disk), cancellationToken).ConfigureAwait(false)).ExitCode == 0) return disk;
        }
        throw new FailureException($"subsystem {san.Target} has no {(san.Wwid is null ? $"namespace {san.Lun}" : $"namespace with WWID {san.Wwid}")}; it offers {string.Join(", ", Namespaces().Select(n => $"namespace {n.Number} ({n.Wwid})").Distinct().DefaultIfEmpty("none"))}; correct san.lun in the site file");
    }

    /// <inheritdoc/>
    public IReadOnlyList<SanPortal> MissingPortals() => [.. san.Portals.Where(p => ControllerAt(p) is null)];

    /// <inheritdoc/>
    public async Task AddPortalAsync(SanPortal portal, string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        if (await TryConnectAsync(portal, initiator, cancellationToken).ConfigureAwait(false) is { } problem) throw new FailureException($"{portal}: {problem}");
    }

    /// <inheritdoc/>
    /// <remarks>A connection is made, and ended: that is what a node will do.</remarks>
    public async Task<bool> OffersAsync(SanPortal portal, string initiator, CancellationToken cancellationToken = default)
    {
        if (ControllerAt(portal) is { } present) return Read(present, "state") == "live";
        if (await PortalLogin.ReachAsync(portal, cancellationToken).ConfigureAwait(false) is not null || await TryConnectAsync(portal, initiator, cancellationToken).ConfigureAwait(false) is not null) return false;
        if (ControllerAt(portal) is { } made) await File.WriteAllTextAsync(Path.Combine(made, "delete_controller"), "1", cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public IReadOnlyList<(string Disk, string Wwid)> Luns() => [.. Namespaces().Select(n => (n.Disk, n.Wwid))];

    /// <inheritdoc/>
    public string? FindLun(string? wwid = null) => Namespaces().Where(n => (wwid ?? san.Wwid) is { } id ? n.Wwid == id : n.Number == san.Lun).Select(n => n.Disk).FirstOrDefault();

    /// <inheritdoc/>
    public async Task<string?> AttachAsync(string wwid, CancellationToken cancellationToken = default)
    {
        if (FindLun(wwid) is not { } disk) Scan();
        else if (File.Exists(SanLayout.Partition(disk, 1))) return disk;
        else await runner.RunAsync(Reread(disk), cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <inheritdoc/>
    public void Scan()
    {
        foreach (var controller in Controllers()) File.WriteAllText(Path.Combine(controller, "rescan_controller"), "1");
    }

    /// <inheritdoc/>
    /// <remarks>The kernel looks in its own time, and says nothing when it has: as a rule the array has told it before (Asynchronous Event, namespace attribute changed).</remarks>
    public async Task RescanAsync(string disk, CancellationToken cancellationToken = default)
    {
        var folder = Path.Combine(classes, "block", Path.GetFileName(disk));
        var size = Read(folder, "size");
        Scan();
        for (var wait = 0; wait < 20 && Read(folder, "size") == size; wait++) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
    }

    private static ExternalCommand Reread(string disk) => ExternalCommand.Of("blockdev", "--rereadpt", disk).Accepting();

    /// <summary>Why the portal does not let this machine in; null if it does.</summary>
    private Task<string?> TryConnectAsync(SanPortal portal, string initiator, CancellationToken cancellationToken) => ControllerAt(portal) is not null ? Task.FromResult<string?>(null) : Task.Run(() =>
    {
        try
        {
            // In one piece; the kernel returns when it is connected.
            using var fabrics = new FileStream(Fabrics, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            fabrics.Write(Encoding.ASCII.GetBytes(Options(portal, initiator)));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{e.Message}, as {initiator}; the kernel's log says more";
        }
    }, cancellationToken);

    /// <summary>The namespaces of the subsystem, each over all controllers; of a subsystem that can have one controller only, the kernel shows them below that one.</summary>
    private IEnumerable<(string Disk, long Number, string Wwid)> Namespaces() =>
        from folder in Matching("nvme-subsystem").SelectMany(s => Directory.GetDirectories(s, "nvme*").Prepend(s))
        from disk in Directory.GetDirectories(folder, "nvme*n*")
        where Disk().IsMatch(Path.GetFileName(disk))
        orderby disk
        select ($"/dev/{Path.GetFileName(disk)}", long.TryParse(Read(disk, "nsid"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0, Read(disk, "wwid"));

    private IEnumerable<string> Controllers() => Matching("nvme");

    private string? ControllerAt(SanPortal portal) => Controllers().FirstOrDefault(c => $"{Read(c, "address")},".StartsWith($"traddr={portal.Address},trsvcid={portal.Port.ToString(CultureInfo.InvariantCulture)},", StringComparison.Ordinal));

    private IEnumerable<string> Matching(string name) =>
        Path.Combine(classes, name) is var folder && Directory.Exists(folder) ? Directory.GetDirectories(folder).Where(f => Read(f, "subsysnqn") == san.Target) : [];

    /// <summary>A file of the kernel; empty when its device is gone.</summary>
    private static string Read(string folder, string attribute)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, attribute)).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    // nvme0n1, and not a path of it, nvme0c1n1
    [GeneratedRegex("^nvme[0-9]+n[0-9]+$")]
    private static partial Regex Disk();
}
