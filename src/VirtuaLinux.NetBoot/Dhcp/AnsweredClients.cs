using System.Collections.Concurrent;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>The clients that were given an address; thread-safe. Only machines of the manifest and of the discovery range get one, which bounds it.</summary>
public sealed class AnsweredClients
{
    private readonly ConcurrentDictionary<MacAddress, byte> clients = new();

    /// <summary>Notes a client.</summary>
    public void Add(MacAddress client) => clients.TryAdd(client, 0);

    /// <summary>Whether a client was given an address.</summary>
    public bool Contains(MacAddress client) => clients.ContainsKey(client);
}
