using System.Globalization;
using System.Net;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>Where a request comes from.</summary>
/// <param name="Address">The client's address.</param>
/// <param name="Port">Its port, 1 to 65535.</param>
public readonly record struct ClientEndpoint(Ipv4Address Address, int Port)
{
    /// <summary>Largest port that only root may bind (ip(7), ip_unprivileged_port_start).</summary>
    public const int LastPrivilegedPort = 1023;

    /// <summary>Whether root of the client's machine asks, and not just any process there.</summary>
    public bool IsPrivileged => Port <= LastPrivilegedPort;

    /// <summary>The endpoint that a socket names.</summary>
    public static ClientEndpoint From(IPEndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return new ClientEndpoint(Ipv4Address.From(endpoint.Address), endpoint.Port);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");
}
