using VirtuaLinux.Host;
using VirtuaLinux.Model;

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

    /// <summary>Whether somebody answers at an address.</summary>
    public static async Task<bool> AnswersAsync(ICommandRunner runner, Ipv4Address address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        return (await runner.RunAsync(ExternalCommand.Of("ping", "-c", "2", "-W", "1", address.ToString()).Accepting(), cancellationToken).ConfigureAwait(false)).ExitCode == 0;
    }
}
