using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Counts how often each client has asked without success; bounded, forgetting the least recent half when full.</summary>
/// <remarks>Not thread-safe: the caller's loop owns it.</remarks>
public sealed class AttemptCounter(int capacity = 4096)
{
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(60);
    private readonly Dictionary<MacAddress, (int Count, DateTimeOffset Last)> attempts = [];

    /// <summary>Notes an attempt and returns its number, from 1. A client that was silent for a minute starts again.</summary>
    public int Next(MacAddress client, DateTimeOffset now)
    {
        var count = attempts.TryGetValue(client, out var known) && now - known.Last < Memory ? known.Count + 1 : 1;
        if (count == 1 && attempts.Count >= capacity) Shrink();
        attempts[client] = (count, now);
        return count;
    }

    /// <summary>Forgets a client that was served, by whomever.</summary>
    public void Reset(MacAddress client) => attempts.Remove(client);

    private void Shrink()
    {
        foreach (var (client, _) in attempts.OrderBy(a => a.Value.Last).Take(Math.Max(1, capacity / 2)).ToList()) attempts.Remove(client);
    }
}
