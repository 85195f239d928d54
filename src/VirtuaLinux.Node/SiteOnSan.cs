using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>The site on the SAN as a running node sees it: the copy there rules, and a newer one is taken over without a restart.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="certificate">The site's CA.</param>
public sealed class SiteOnSan(ICommandRunner runner, SiteCertificate certificate)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private const string NewsPath = BootRecord.Directory + "/news";

    /// <summary>Tells this node's service that the site on the SAN has changed; its peers hear of it from there.</summary>
    public static void Tell() => File.WriteAllBytes(NewsPath, []);

    /// <summary>Waits until a peer holds a newer manifest or somebody on this node committed one, or a minute: then it is time to look at the SAN.</summary>
    public static async Task WaitForNewsAsync(Manifest manifest, PeerWatch peers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(peers);
        var deadline = DateTime.UtcNow + Longest;
        do await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
        while (DateTime.UtcNow < deadline && !File.Exists(NewsPath) && !peers.Alive.Values.Any(p => p.ManifestSerial > manifest.Serial));
        File.Delete(NewsPath);
    }

    /// <summary>Reads the site, past this machine's memory.</summary>
    /// <returns>The site's state and manifest, which may be the one that this node has; null when it cannot be read now.</returns>
    public async Task<(SanState State, Manifest Manifest)?> ReadAsync(Manifest current, Action<string> log, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(log);
        try
        {
            if (current.San is not { } san || ISanTransport.Of(runner, san).FindLun() is not { } disk) return null;
            var partition = SanLayout.Partition(disk, 2);
            await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", partition), cancellationToken).ConfigureAwait(false);
            using var device = BlockDevice.Open(partition, writable: false);
            if (SanState.Read(device) is not { } state) return null;
            if (!SignedManifest.TryRead(state.SignedManifest, certificate.PublicKey, out var manifest, out var reason))
            {
                log($"the manifest on the SAN is refused: {reason}");
                return null;
            }
            return (state, manifest);
        }
        catch (FailureException e)
        {
            // The SAN may be away for a while; what this node knows goes on being served.
            log($"the site on the SAN cannot be read: {e.Message}");
            return null;
        }
    }
}
