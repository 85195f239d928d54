using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>Who answers on the cluster network.</summary>
public static class LiveNodes
{
    /// <summary>Names of the machines that answer an echo request (ICMP, RFC 792) within two seconds.</summary>
    public static async Task<IReadOnlyList<string>> FindAsync(ICommandRunner runner, IEnumerable<ManifestNode> nodes, CancellationToken cancellationToken = default)
    {
        var answers = await Task.WhenAll(nodes.Select(async n => (n.Name, Alive: await AnswersAsync(runner, n.Cluster.Ip, cancellationToken).ConfigureAwait(false)))).ConfigureAwait(false);
        return [.. answers.Where(a => a.Alive).Select(a => a.Name)];
    }

    /// <summary>Sees that nobody uses the volumes of nodes whose machines are replaced or taken out of the site: two machines on one root would destroy it, and what nobody owns any more must not be written.</summary>
    /// <param name="runner">Runs programs.</param>
    /// <param name="lun">The site's first LUN.</param>
    /// <param name="exclusion">Who is in or out of it.</param>
    /// <param name="canFence">Whether this machine is registered there.</param>
    /// <param name="nodes">The nodes, without the one that this machine is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">One of them still runs, may run, or has its volumes in use on another one.</exception>
    public static async Task SeeThatTheyAreGoneAsync(ICommandRunner runner, ISharedDisk lun, Exclusion exclusion, bool canFence, IReadOnlyList<ManifestNode> nodes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lun);
        ArgumentNullException.ThrowIfNull(exclusion);
        ArgumentNullException.ThrowIfNull(nodes);
        var alive = await FindAsync(runner, nodes, cancellationToken).ConfigureAwait(false);
        if (alive.Count > 0) throw new FailureException($"{string.Join(", ", alive)} still answers; switch the machine off first");
        foreach (var node in nodes) await exclusion.RefuseBorrowedAsync(node.Cluster.Ip, cancellationToken).ConfigureAwait(false);
        if (!canFence)
        {
            // Nobody can be kept from writing, and a machine that hangs answers nothing: somebody must have looked.
            var fences = await exclusion.ReadFencesAsync(cancellationToken).ConfigureAwait(false);
            if (nodes.FirstOrDefault(n => !fences.Nodes.Contains(n.Cluster.Ip)) is { } unseen) throw new FailureException($"{unseen.Name} does not answer, and this SAN can shut nobody out: see that its machine is off, and note that with 'virtualinux node fence {unseen.Name} --powered-off' on a running node");
            return;
        }
        var keys = await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false);
        var registered = nodes.Where(n => keys.Any(k => k.Node == n.Cluster.Ip)).Select(n => n.Name).ToList();
        if (registered.Count > 0) throw new FailureException($"{string.Join(", ", registered)} does not answer and is registered with the SAN still: see that the machine is off, and shut it out with 'virtualinux node fence {registered[0]}' on a running node");
    }

    /// <summary>Whether somebody answers at an address.</summary>
    public static async Task<bool> AnswersAsync(ICommandRunner runner, Ipv4Address address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        return (await runner.RunAsync(ExternalCommand.Of("ping", "-c", "2", "-W", "1", address.ToString()).Accepting(), cancellationToken).ConfigureAwait(false)).ExitCode == 0;
    }
}
