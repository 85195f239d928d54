using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Lends addresses of the discovery range to machines that are not in the manifest, in order of their arrival. In memory; thread-safe.</summary>
public sealed class DiscoveryPool(Ipv4Range range, TimeProvider? time = null)
{
    /// <summary>Lease time of a lent address.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromHours(1);

    // A range may be a whole /8: what one pool remembers is bounded by this, not by its size.
    private const int MaximumMachines = 4096;

    private readonly TimeProvider clock = time ?? TimeProvider.System;
    private readonly Lock gate = new();
    private readonly Dictionary<MacAddress, Lent> byMac = [];
    private readonly Dictionary<Ipv4Address, MacAddress> byAddress = [];
    private readonly HashSet<Ipv4Address> declined = [];

    /// <summary>The range.</summary>
    public Ipv4Range Range => range;

    /// <summary>The address of a machine, lending one if it has none yet; null when none is free.</summary>
    /// <param name="mac">The machine.</param>
    /// <param name="wish">The address that it asks for: kept when it is free, so that a machine keeps its own over a restart of the server.</param>
    /// <param name="isTaken">Whether an address belongs to somebody else, such as a node.</param>
    public Ipv4Address? Lend(MacAddress mac, Ipv4Address wish, Func<Ipv4Address, bool> isTaken)
    {
        ArgumentNullException.ThrowIfNull(isTaken);
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (byMac.TryGetValue(mac, out var lent))
            {
                if (!isTaken(lent.Address))
                {
                    byMac[mac] = lent with { LastSeen = now };
                    return lent.Address;
                }
                Remove(mac);
            }
            if (Choose(wish, now, isTaken) is not { } address) return null;
            byMac[mac] = new Lent(address, now);
            byAddress[address] = mac;
            return address;
        }
    }

    /// <summary>The machine that has an address, or null.</summary>
    public MacAddress? FindMac(Ipv4Address address)
    {
        lock (gate) return byAddress.TryGetValue(address, out var mac) ? mac : null;
    }

    /// <summary>The address of a machine, or null.</summary>
    public Ipv4Address? FindAddress(MacAddress mac)
    {
        lock (gate) return byMac.TryGetValue(mac, out var lent) ? lent.Address : null;
    }

    /// <summary>Takes an address out of use, because a machine found it in use by another (RFC 2131, section 4.3.3).</summary>
    public void Decline(MacAddress mac, Ipv4Address address)
    {
        lock (gate)
        {
            if (!byMac.TryGetValue(mac, out var lent) || lent.Address != address) return;
            Remove(mac);
            if (declined.Count < MaximumMachines) declined.Add(address);
        }
    }

    private Ipv4Address? Choose(Ipv4Address wish, DateTimeOffset now, Func<Ipv4Address, bool> isTaken)
    {
        if (byMac.Count < MaximumMachines)
        {
            if (range.Contains(wish) && IsFree(wish, isTaken)) return wish;
            for (long value = range.First.Value; value <= range.Last.Value && value - range.First.Value < 2L * MaximumMachines; value++)
                if (IsFree(new Ipv4Address((uint)value), isTaken)) return new Ipv4Address((uint)value);
        }
        var oldest = byMac.Where(m => now - m.Value.LastSeen > LeaseTime && !isTaken(m.Value.Address)).OrderBy(m => m.Value.LastSeen).Select(m => (MacAddress?)m.Key).FirstOrDefault();
        if (oldest is not { } mac) return null;
        var address = byMac[mac].Address;
        Remove(mac);
        return address;
    }

    private bool IsFree(Ipv4Address address, Func<Ipv4Address, bool> isTaken) => !byAddress.ContainsKey(address) && !declined.Contains(address) && !isTaken(address);

    private void Remove(MacAddress mac)
    {
        if (byMac.Remove(mac, out var lent)) byAddress.Remove(lent.Address);
    }

    private readonly record struct Lent(Ipv4Address Address, DateTimeOffset LastSeen);
}
