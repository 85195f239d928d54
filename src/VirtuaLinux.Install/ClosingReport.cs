using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>The last screen of an installation, which the stick keeps as well.</summary>
/// <param name="Journal">The journal, with the times.</param>
/// <param name="Manifest">The manifest.</param>
/// <param name="Fingerprint">Of the site's CA certificate.</param>
/// <param name="Self">Name of this machine.</param>
/// <param name="Peers">What the peers said last, by name.</param>
public sealed record ClosingReport(Journal Journal, Manifest Manifest, string Fingerprint, string Self, IReadOnlyDictionary<string, NodeStatus> Peers)
{
    /// <summary>Name of the file on the site's volume.</summary>
    public const string FileName = "virtualinux-report.txt";

    /// <summary>The report in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"site {Journal.Site} is installed: {string.Join(", ", Journal.Times.Select(t => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{t.Step} {t.Seconds:0.0} s")))}";
        yield return $"  site {Journal.SiteId}, image {Journal.Image}, CA certificate {Fingerprint}";
        foreach (var node in Manifest.Nodes) yield return $"  {node.Name,-10} {node.Cluster.Ip,-15} {node.Cluster.Mac} {State(node.Name)}";
        yield return $"  first commands: ssh {Manifest.Access.Select(a => a.User).FirstOrDefault() ?? "root"}@{Manifest.Nodes[0].Cluster.Ip}, then virtualinux node status";
        yield return Manifest.San?.Transport == SanTransport.NvmeTcp
            ? "  starter: this medium; after a blackout it starts the first node (with it, a machine boots as an ordinary node)"
            : "  starter: this medium, or UEFI firmware that boots the LUN over iSCSI; after a blackout either starts the first node (with it, a machine boots as an ordinary node)";
    }

    /// <summary>Keeps the report beside the site file.</summary>
    /// <returns>Why it could not be kept, or null.</returns>
    public async Task<string?> WriteAsync(ICommandRunner runner, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        try
        {
            await runner.RunAsync(ExternalCommand.Of("mount", "-o", "remount,rw", folder), cancellationToken).ConfigureAwait(false);
            await File.WriteAllLinesAsync(Path.Combine(folder, FileName), Lines(), cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(ExternalCommand.Of("mount", "-o", "remount,ro", folder), cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is FailureException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private string State(string name) =>
        name == Self ? "this machine; its console shows its SSH host key when it has started"
        : !Peers.TryGetValue(name, out var status) ? "missing: it joins by itself when it is powered on"
        : status.HostKey is { } key ? $"SSH host key {key}" : "up";
}
