using System.Net.NetworkInformation;
using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>An interface and the address on it that serve; nothing is served on others.</summary>
/// <param name="Interface">The kernel's name of the interface, such as <c>eth0</c>.</param>
/// <param name="Address">The address that clients are told and that replies leave from.</param>
public readonly record struct BootEndpoint(string Interface, Ipv4Address Address)
{
    /// <summary>Finds this machine's interfaces that have an address in one of the manifest's networks.</summary>
    /// <param name="manifest">The networks; an address that the manifest gives to a node is preferred to a floating one.</param>
    /// <param name="interfaces">Names to choose from; none: all.</param>
    /// <exception cref="FailureException">A named interface is missing or has no address in any network, or there is no fitting one at all.</exception>
    public static IReadOnlyList<BootEndpoint> Discover(Manifest manifest, params IReadOnlyList<string> interfaces)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var map = new StaticMap(manifest);
        var local = NetworkInterface.GetAllNetworkInterfaces();
        foreach (var name in interfaces)
            if (local.All(i => i.Name != name)) throw new FailureException($"interface '{name}' does not exist; this machine has {string.Join(", ", local.Select(i => i.Name))}");
        List<BootEndpoint> endpoints = [];
        foreach (var card in local.Where(i => interfaces.Count == 0 || interfaces.Contains(i.Name)))
        {
            var found = card.GetIPProperties().UnicastAddresses
                .Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork)
                .Select(a => Ipv4Address.From(a.Address))
                .Where(a => map.NetworkOf(a) is not null)
                .OrderBy(a => map.Find(a) is null).ThenBy(a => map.NetworkOf(a) != "cluster")
                .DistinctBy(map.NetworkOf)
                .Select(a => new BootEndpoint(card.Name, a)).ToList();
            if (found.Count == 0 && interfaces.Count > 0)
                throw new FailureException($"interface '{card.Name}' has no address in any network of site '{manifest.Name}' ({Networks(manifest)}); give it one, or name another interface");
            endpoints.AddRange(found);
        }
        return endpoints.Count > 0
            ? endpoints
            : throw new FailureException($"no interface has an address in any network of site '{manifest.Name}' ({Networks(manifest)}); give one of {string.Join(", ", local.Select(i => i.Name))} an address there");
    }

    private static string Networks(Manifest manifest) => string.Join(", ", manifest.Networks.Select(n => $"{n.Key} {n.Value.Subnet}"));

    /// <inheritdoc/>
    public override string ToString() => $"{Address}%{Interface}";
}
