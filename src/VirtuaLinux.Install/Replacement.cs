using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Install;

/// <summary>A new machine in the slot of an old one: the site file does not know it yet, and the technician says whose place it takes.</summary>
public sealed class Replacement(ICommandRunner runner, InstallConsole console, NetworkLink link)
{
    /// <summary>Asks whose place this machine takes.</summary>
    /// <returns>The site with this machine's card in that place.</returns>
    /// <exception cref="FailureException">Nobody may be asked, the answer does not fit, or the old machine still answers.</exception>
    public async Task<Site> AskAsync(Site site, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(site);
        var unknown = $"this machine is not in site.yaml: it has {NetworkLink.Describe()}";
        if (site.Answers is { Install: true }) throw new FailureException($"{unknown}; add it to nodes: and start again");
        console.Say(unknown);
        var name = await console.AskAsync("Type the name of the node whose place it takes, or Enter to stop:", cancellationToken).ConfigureAwait(false);
        if (name.Length == 0) throw new FailureException("nothing was changed; add this machine to nodes: of site.yaml and start again");
        var old = site.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new FailureException($"site.yaml has no node '{name}'; it has {string.Join(", ", site.Nodes.Select(n => n.Name))}");
        var place = ManifestNode.From(old);
        if (place.Interfaces.Count > 1) throw new FailureException($"{name} is on the networks {string.Join(", ", place.Interfaces.Keys)}; write the new machine's MAC address for each into site.yaml and start again");
        var mac = await CardAsync(cancellationToken).ConfigureAwait(false);
        await SeeThatItIsGoneAsync(site, place, mac, cancellationToken).ConfigureAwait(false);
        return WithMachine(site, name, mac);
    }

    /// <summary>The site with another card for one node, which has one.</summary>
    public static Site WithMachine(Site site, string name, MacAddress mac)
    {
        ArgumentNullException.ThrowIfNull(site);
        return site with { Nodes = [.. site.Nodes.Select(n => n.Name == name ? n with { Mac = mac, Ip = ManifestNode.From(n).Cluster.Ip, Interfaces = new Dictionary<string, SiteInterface>() } : n)] };
    }

    private async Task<MacAddress> CardAsync(CancellationToken cancellationToken)
    {
        var cards = NetworkLink.Interfaces();
        if (cards.Count == 1) return cards.Values.Single();
        var name = await console.AskAsync($"Type the name of the card on the cluster network ({string.Join(", ", cards.Keys)}):", cancellationToken).ConfigureAwait(false);
        return cards.TryGetValue(name, out var mac) ? mac : throw new FailureException($"this machine has no card '{name}'; it has {NetworkLink.Describe()}");
    }

    /// <summary>Two machines on one root would destroy it: the old one must be off.</summary>
    private async Task SeeThatItIsGoneAsync(Site site, ManifestNode place, MacAddress mac, CancellationToken cancellationToken)
    {
        if (await console.AskAsync($"Switch the old machine of {place.Name} ({place.Cluster.Mac}) off, then type 'off':", cancellationToken).ConfigureAwait(false) != "off") throw new FailureException($"nothing was changed; switch the old machine of {place.Name} off first");
        if (site.ClusterNetwork.Discovery is not { } range) return;
        // From an address that no node has: the old machine may still own the one that this machine is about to take.
        var card = await link.UpAsync(mac, range.Last, site.ClusterNetwork.Subnet, null, cancellationToken).ConfigureAwait(false);
        var answers = await LiveNodes.AnswersAsync(runner, place.Cluster.Ip, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("ip", "addr", "flush", "dev", card), cancellationToken).ConfigureAwait(false);
        if (answers) throw new FailureException($"{place.Name} still answers at {place.Cluster.Ip}; switch its old machine off and start again");
    }
}
