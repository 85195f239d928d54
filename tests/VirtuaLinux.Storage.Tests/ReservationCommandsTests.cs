using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>The commands that a running node sends itself, byte by byte as SPC-4 has them.</summary>
public sealed class ReservationCommandsTests
{
    private static readonly ReservationKey s_key = new(new Ipv4Address(0xC0A8_4D0B), 3);

    [Fact]
    public void A_registration_asks_the_array_to_keep_it_through_a_loss_of_power_and_a_null_key_asks_for_nothing()
    {
        Assert.Equal([0x5F, 6, 0, 0, 0, 0, 0, 0, 24, 0], ReservationCommands.Register());
        Assert.Equal("0000000000000000564C0003C0A84D0B0000000001000000", Convert.ToHexString(ReservationCommands.Parameters(default, s_key)));
        Assert.Equal(new byte[24], ReservationCommands.Parameters(default, default));
        Assert.Equal([0x5F, 1, 7, 0, 0, 0, 0, 0, 24, 0], ReservationCommands.ReserveForAll());
        Assert.Equal("880000000000000414800000000100" + "00", Convert.ToHexString(ReservationCommands.ReadBlock(0x41480)));
    }

    [Fact]
    public void Keys_count_only_when_the_answer_is_whole()
    {
        var answer = Convert.FromHexString("00000007" + "00000010" + "564C0003C0A84D0B" + "0000000000000ABC");
        Assert.True(ReservationCommands.TryParseKeys(answer, out var generation, out var keys));
        Assert.Equal((7u, s_key, new ReservationKey(0xABC)), (generation, keys[0], keys[1]));
        Assert.True(ReservationCommands.TryParseKeys(new byte[64], out generation, out keys));
        Assert.Equal((0u, 0), (generation, keys.Count));
        for (var length = 0; length < answer.Length; length++) Assert.False(ReservationCommands.TryParseKeys(answer.AsSpan(0, length), out _, out _), $"{length} bytes");
        answer[7] = 9;
        Assert.False(ReservationCommands.TryParseKeys(answer, out _, out _));
        answer[4] = 0xFF;
        Assert.False(ReservationCommands.TryParseKeys(answer, out _, out _));
    }
}
