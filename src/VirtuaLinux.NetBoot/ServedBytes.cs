using System.Collections.Concurrent;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>Counts the bytes of content that were served to each client, over TFTP and HTTP together; thread-safe and bounded.</summary>
public sealed class ServedBytes
{
    private const int MaximumClients = 65536;
    private readonly ConcurrentDictionary<Ipv4Address, long> clients = new();

    /// <summary>Adds bytes.</summary>
    public void Add(Ipv4Address client, long bytes)
    {
        if (!clients.ContainsKey(client) && clients.Count >= MaximumClients) return;
        clients.AddOrUpdate(client, bytes, (_, known) => known + bytes);
    }

    /// <summary>Bytes served to a client.</summary>
    public long this[Ipv4Address client] => clients.GetValueOrDefault(client);

    /// <summary>Bytes by client, as they are now.</summary>
    public IReadOnlyDictionary<Ipv4Address, long> Snapshot() => new Dictionary<Ipv4Address, long>(clients);
}
