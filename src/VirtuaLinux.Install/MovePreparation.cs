using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>Looks from a running node at what a move to another array needs, so that the nodes are shut down only for a move that can be made; nothing is changed.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
public sealed class MovePreparation(ICommandRunner runner, NodeStorage storage)
{
    /// <summary>Checks the site file, the secrets beside it, and the new array's portals.</summary>
    /// <param name="site">The site file: <c>san</c> is the new array, <c>formerSan</c> the one that the site is on.</param>
    /// <param name="folder">Folder of the site file.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What was found, and what to do next, in lines for people.</returns>
    /// <exception cref="FailureException">What is wrong, and what to write instead.</exception>
    public async Task<IReadOnlyList<string>> CheckAsync(Site site, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(site);
        var (state, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
        if (Problem(manifest, site) is { } problem) throw new FailureException(problem);
        var (now, next) = (manifest.San!, site.San!);
        if (now.Chap is not null && Secret(site.FormerSan!, folder, "formerSan") != state.ChapSecret) throw new FailureException($"formerSan.chap.secretFile: {site.FormerSan!.Chap!.SecretFile} does not hold the secret of the array that the site is on; write that there, and the new one's into a file of its own");
        if (next.Chap is not null) _ = Secret(next, folder, "san");
        var transport = ISanTransport.Of(runner, next);
        var initiator = transport.NameOf(site.Name, storage.Self.Name, storage.Self.Cluster.Mac);
        foreach (var portal in next.Portals)
        {
            if (await PortalLogin.ReachAsync(portal, cancellationToken).ConfigureAwait(false) is { } reason) throw new FailureException($"san: portal {portal} cannot be reached: {reason}; check the cable, the array, and san.portals");
            if (!await transport.OffersAsync(portal, initiator, cancellationToken).ConfigureAwait(false)) throw new FailureException($"san: portal {portal} does not offer target {next.Target} to this node; correct san.target, or the array's access list");
        }
        var group = await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        return [.. Lines(manifest, site, group.Volumes.Count, new ByteSize(SanLayout.Overhead.Bytes + group.Volumes.Sum(group.SizeOf)))];
    }

    /// <summary>What in the site file is not as a move needs it; null when all is.</summary>
    /// <param name="manifest">The site as it is.</param>
    /// <param name="site">The site file.</param>
    public static string? Problem(Manifest manifest, Site site)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(site);
        if (site is not { San: { } next, FormerSan: { } former }) return "the site file names one array only; let 'formerSan:' say what 'san:' says now, and 'san:' name the new array";
        if (manifest.San is not { } now || (former.Target, former.Lun, former.Wwid, former.Chap?.User) != (now.Target, now.Lun, now.Wwid, now.Chap?.User)) return $"formerSan: it is not the array that the site is on ({manifest.San?.Target} at {string.Join(", ", manifest.San?.Portals ?? [])}); write what 'san:' said";
        if (next.Target == now.Target && (next.Lun, next.Wwid) == (now.Lun, now.Wwid)) return "san: it names the LUN that the site is on; name the new array's";
        return MovePlan.Difference(manifest, site);
    }

    /// <summary>What there is to be moved, and how.</summary>
    internal static IEnumerable<string> Lines(Manifest manifest, Site site, int volumes, ByteSize required)
    {
        yield return $"site {manifest.Name} can move from target {manifest.San!.Target} to target {site.San!.Target} at {string.Join(", ", site.San.Portals)}";
        yield return $"its {volumes} volumes need a LUN of {required.ToRoundedString()} there, and what they shall grow by";
        yield return "next:";
        yield return $"  1  copy the site file{(manifest.San.Chap is null && site.San.Chap is null ? "" : " and the secrets' files")} onto the VL-SITE volume of the installer's medium, without answers:";
        yield return "  2  switch all nodes off: 'poweroff' on each, this one last";
        yield return "  3  start one of the machines from the medium, and no other: it shows what is on the new LUN and what it will do, and begins when you type 'move'";
        yield return "  4  leave the medium in: when the site has moved, the machine starts as a node from the new array, and boots the others";
    }

    private static string Secret(SiteSan san, string folder, string key)
    {
        var path = SecretFile.PathOf(san, folder) ?? throw new FailureException($"{key}: the array asks for a CHAP secret; write chap: with user and secretFile");
        return SecretFile.Read(san, folder) ?? throw new FailureException($"{key}.chap.secretFile: {path} is not there; write the secret into its first line");
    }
}
