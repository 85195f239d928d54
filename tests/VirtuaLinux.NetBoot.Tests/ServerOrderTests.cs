using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Tests;

public class ServerOrderTests
{
    private static readonly Ipv4Address[] Servers = [.. Enumerable.Range(1, 16).Select(i => TestSite.Host("192.168.77.0/24", i))];

    [Fact]
    public void Every_server_finds_itself_at_its_place_in_the_order()
    {
        for (var client = 0; client < 200; client++)
        {
            var order = ServerOrder.For(TestSite.Node(client), Servers.Reverse());
            for (var rank = 0; rank < order.Length; rank++) Assert.Equal(rank, ServerOrder.RankOf(order[rank], TestSite.Node(client), Servers));
        }
    }

    [Fact]
    public void Clients_are_spread_over_all_servers()
    {
        var first = Enumerable.Range(0, 1600).CountBy(i => ServerOrder.For(TestSite.Node(i), Servers)[0]).ToDictionary();
        Assert.Equal(Servers.Length, first.Count);
        Assert.All(first.Values, count => Assert.InRange(count, 50, 200));
    }

    [Fact]
    public void A_server_that_goes_moves_only_its_own_clients()
    {
        for (var client = 0; client < 200; client++)
        {
            var before = ServerOrder.For(TestSite.Node(client), Servers);
            Assert.Equal(before.Where(s => s != Servers[3]), ServerOrder.For(TestSite.Node(client), Servers.Where(s => s != Servers[3])));
        }
    }

    [Fact]
    public void The_first_answers_at_once_and_later_ranks_later_or_never()
    {
        Assert.Equal(TimeSpan.Zero, ServerOrder.DelayOf(0, 1));
        Assert.Equal(ServerOrder.Step * 2, ServerOrder.DelayOf(2, 1));
        Assert.Null(ServerOrder.DelayOf(3, 1));
        Assert.Equal(ServerOrder.Step * 3, ServerOrder.DelayOf(3, 2));
        Assert.NotNull(ServerOrder.DelayOf(5000, 100));
    }

    [Fact]
    public void A_server_outside_the_list_is_the_first() => Assert.Equal(0, ServerOrder.RankOf(new Ipv4Address(1), TestSite.Node(1), Servers));
}
