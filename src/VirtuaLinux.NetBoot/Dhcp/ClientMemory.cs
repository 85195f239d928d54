using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>A number that is remembered for each client for a minute, in a fixed amount of memory: when it is full, whoever was silent longest is forgotten first.</summary>
/// <remarks>Not thread-safe. A lookup costs the same with any number of clients, and allocates nothing.</remarks>
internal sealed class ClientMemory
{
    /// <summary>How long a client is remembered, in milliseconds.</summary>
    public const long Minute = 60_000;

    private const int Ways = 4, Sets = 8192;
    private readonly Entry[] _entries = new Entry[Sets * Ways];

    /// <summary>The client's number; 0 for one that is not remembered.</summary>
    /// <param name="client">The client.</param>
    /// <param name="now">Milliseconds of a steady clock.</param>
    /// <param name="renew">Whether the minute begins again.</param>
    public ref ulong this[MacAddress client, long now, bool renew]
    {
        get
        {
            var set = _entries.AsSpan((int)(client.Value * 0x9E3779B97F4A7C15 >> 51) * Ways, Ways);
            var oldest = 0;
            for (var i = 0; i < Ways; i++)
            {
                ref var entry = ref set[i];
                if (entry.IsUsed && entry.Client == client)
                {
                    if (now - entry.Since >= Minute) entry = new Entry { Client = client, IsUsed = true, Since = now };
                    else if (renew) entry.Since = now;
                    return ref entry.Number;
                }
                if (!entry.IsUsed || set[oldest].IsUsed && entry.Since < set[oldest].Since) oldest = i;
            }
            set[oldest] = new Entry { Client = client, IsUsed = true, Since = now };
            return ref set[oldest].Number;
        }
    }

    private struct Entry
    {
        public MacAddress Client;
        public bool IsUsed;
        public long Since;
        public ulong Number;
    }
}
