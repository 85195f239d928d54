using CsCheck;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests.Tftp;

public class TftpWindowTests
{
    [Fact]
    public void A_duplicate_acknowledgement_sends_nothing()
    {
        var window = new TftpWindow(10_000, 512, 1, hasOptions: true);
        Assert.True(window.Acknowledge(0));
        Assert.False(window.Acknowledge(0));
        Assert.True(window.Acknowledge(1));
        Assert.False(window.Acknowledge(1));
        Assert.False(window.Acknowledge(0));
        Assert.False(window.Acknowledge(9));
        Assert.Equal((1, 2), (window.Acknowledged, window.SentTo));
    }

    [Fact]
    public void A_window_whose_first_block_was_lost_goes_out_again_once()
    {
        var window = new TftpWindow(100_000, 512, 8, hasOptions: true);
        Assert.True(window.Acknowledge(0));
        Assert.True(window.Acknowledge(0));
        Assert.False(window.Acknowledge(0));
        Assert.Equal((0, 8), (window.Acknowledged, window.SentTo));
        Assert.True(window.Acknowledge(8));
        Assert.True(window.Acknowledge(8));
    }

    [Fact]
    public void Nothing_but_one_packet_is_sent_before_the_client_has_answered()
    {
        var window = new TftpWindow(1_000_000, 512, 64, hasOptions: false);
        Assert.Equal(1, window.SentTo);
        window.Acknowledge(1);
        Assert.Equal(65, window.SentTo);
    }

    [Fact]
    public void A_file_that_ends_with_a_full_block_is_followed_by_an_empty_one()
    {
        Assert.Equal(1, new TftpWindow(0, 512, 1, false).LastBlock);
        Assert.Equal(1, new TftpWindow(511, 512, 1, false).LastBlock);
        Assert.Equal(2, new TftpWindow(512, 512, 1, false).LastBlock);
    }

    [Fact]
    public void Every_block_arrives_in_order_whatever_is_lost_doubled_or_delayed() =>
        Gen.Select(Gen.Int[0, 200_000], Gen.Int[1, 64], Gen.Bool, Gen.Int).Sample((blocks, size, hasOptions, seed) =>
        {
            var random = new Random(seed);
            var window = new TftpWindow(blocks, 1, size, hasOptions);
            long received = hasOptions ? -1 : 0;
            List<ushort> onTheWay = [];
            for (var step = 0; !window.IsDone; step++)
            {
                Assert.True(step < 5_000_000, "no end");
                // The client: blocks that come in order count; the answer to a window may be lost, doubled or late.
                for (var block = window.Acknowledged + 1; block <= window.SentTo; block++)
                    if (random.Next(1000) > 0 && block == received + 1) received = block;
                onTheWay.Add((ushort)received);
                if (random.Next(50) == 0) onTheWay.Add(onTheWay[random.Next(onTheWay.Count)]);
                if (random.Next(50) == 0) onTheWay.RemoveAt(onTheWay.Count - 1);
                if (onTheWay.Count > 3 || random.Next(10) > 0)
                {
                    foreach (var number in onTheWay) window.Acknowledge(number);
                    onTheWay.Clear();
                }
                Assert.True(window.Acknowledged <= received && window.SentTo <= window.LastBlock && window.SentTo - window.Acknowledged <= size);
            }
            Assert.Equal(window.LastBlock, received);
        }, iter: 20);
}
