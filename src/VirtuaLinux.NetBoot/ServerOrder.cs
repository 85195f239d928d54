using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>The order of the boot servers for one client, by rendezvous hash: every server computes the same without talking to the others.</summary>
/// <remarks>When a server goes, only its own clients move; when one comes, it takes an equal part from each.</remarks>
public static class ServerOrder
{
    /// <summary>How many servers answer a client's first attempt.</summary>
    public const int FirstCircle = 3;

    /// <summary>By how much each rank waits longer than the one before it.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(4);

    /// <summary>The servers in the order in which the client should use them.</summary>
    public static Ipv4Address[] For(MacAddress client, IEnumerable<Ipv4Address> servers) =>
        [.. servers.OrderByDescending(s => Score(client, s)).ThenBy(s => s)];

    /// <summary>The first of that order, without allocation.</summary>
    /// <param name="client">The client.</param>
    /// <param name="servers">The servers.</param>
    /// <param name="except">The client itself, which cannot serve itself.</param>
    /// <param name="first">Room for as many as are wanted.</param>
    /// <returns>The part of <paramref name="first"/> that was filled.</returns>
    public static ReadOnlySpan<Ipv4Address> First(MacAddress client, IReadOnlyList<Ipv4Address> servers, Ipv4Address except, Span<Ipv4Address> first)
    {
        ArgumentNullException.ThrowIfNull(servers);
        var count = 0;
        for (var i = 0; i < servers.Count; i++)
        {
            if (servers[i] == except) continue;
            var at = count;
            while (at > 0 && IsBefore(client, servers[i], first[at - 1])) at--;
            if (at == first.Length) continue;
            if (count < first.Length) count++;
            first[at..(count - 1)].CopyTo(first[(at + 1)..]);
            first[at] = servers[i];
        }
        return first[..count];
    }

    private static bool IsBefore(MacAddress client, Ipv4Address server, Ipv4Address other) =>
        Score(client, server).CompareTo(Score(client, other)) is > 0 or 0 && (Score(client, server) != Score(client, other) || server < other);

    /// <summary>Place of one server in that order, 0 for the first; 0 as well when the server is not among them.</summary>
    public static int RankOf(Ipv4Address server, MacAddress client, IReadOnlyList<Ipv4Address> servers)
    {
        ArgumentNullException.ThrowIfNull(servers);
        var own = Score(client, server);
        var rank = 0;
        var isMember = false;
        for (var i = 0; i < servers.Count; i++)
        {
            if (servers[i] == server)
            {
                isMember = true;
                continue;
            }
            var other = Score(client, servers[i]);
            if (other > own || other == own && servers[i] < server) rank++;
        }
        return isMember ? rank : 0;
    }

    /// <summary>How long a server of this rank waits before it answers; null when it stays silent at this attempt.</summary>
    /// <param name="rank">Place in the order, from 0.</param>
    /// <param name="attempt">How often the client has asked, from 1; each repeat doubles the circle of those who answer.</param>
    public static TimeSpan? DelayOf(int rank, int attempt)
    {
        var circle = (long)FirstCircle << Math.Clamp(attempt - 1, 0, 20);
        return rank < circle ? rank * Step : null;
    }

    /// <summary>splitmix64 over client and server: cheap, and the same on every node.</summary>
    private static ulong Score(MacAddress client, Ipv4Address server)
    {
        var z = client.Value * 0x9E3779B97F4A7C15 + server.Value + 0x632BE59BD9B4E019;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
}
