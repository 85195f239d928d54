using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

public sealed class StoreGuardTests
{
    private const long MiB = 1 << 20, GiB = 1 << 30;

    [Theory]
    [InlineData("0 8388608 thin-pool 1 45/2048 1234/65536 - rw discard_passdown queue_if_no_space - 1024", 45 * 4096, 1234 * 65536, PoolMode.Writable)]
    [InlineData("0 8388608 thin-pool 1 45/2048 65536/65536 - out_of_data_space discard_passdown queue_if_no_space - 1024", 45 * 4096, 65536L * 65536, PoolMode.Full)]
    [InlineData("0 8388608 thin-pool 1 45/2048 1234/65536 - ro discard_passdown queue_if_no_space - 1024", 45 * 4096, 1234 * 65536, PoolMode.Damaged)]
    [InlineData("0 8388608 thin-pool 1 45/2048 1234/65536 - rw discard_passdown queue_if_no_space needs_check 1024", 45 * 4096, 1234 * 65536, PoolMode.Damaged)]
    [InlineData("0 8388608 thin-pool Fail", 0, 0, PoolMode.Failed)]
    public void The_kernels_words_about_a_pool_are_understood(string line, long metadata, long data, PoolMode mode)
    {
        Assert.True(PoolStatus.TryParse(line, out var status));
        Assert.Equal((metadata, data, mode), (status.MetadataUsed, status.DataUsed, status.Mode));
        Assert.False(PoolStatus.TryParse(line.Replace("thin-pool", "linear", StringComparison.Ordinal), out _));
    }

    [Fact]
    public void A_store_grows_by_half_before_it_is_full_and_says_nothing()
    {
        var (level, actions) = StoreGuard.Next(StoreLevel.Enough, Seen(used: 850 * MiB, size: GiB, free: 10 * GiB));
        Assert.Equal(StoreLevel.Enough, level);
        Assert.Equal(new GuardAction.GrowData(new ByteSize(1536 * MiB)), Assert.Single(actions));
        Assert.Empty(StoreGuard.Next(StoreLevel.Enough, Seen(used: 700 * MiB, size: GiB, free: 10 * GiB)).Actions);
    }

    [Fact]
    public void The_reserve_is_not_touched_and_the_end_is_said_once_and_heals()
    {
        // Half is wanted, and 100 MiB are left before the reserve.
        Assert.Equal(new GuardAction.GrowData(new ByteSize(1124 * MiB)), Assert.Single(StoreGuard.Next(StoreLevel.Enough, Seen(used: 900 * MiB, size: GiB, free: GiB + 100 * MiB)).Actions));
        var (level, actions) = StoreGuard.Next(StoreLevel.Enough, Seen(used: 900 * MiB, size: GiB, free: GiB));
        Assert.Equal(StoreLevel.Low, level);
        Assert.Contains("are the reserve", Assert.IsType<GuardAction.Say>(Assert.Single(actions)).Text, StringComparison.Ordinal);
        Assert.Empty(StoreGuard.Next(level, Seen(used: 901 * MiB, size: GiB, free: GiB)).Actions);
        (level, actions) = StoreGuard.Next(level, Seen(used: GiB, size: GiB, free: GiB, PoolMode.Full));
        Assert.Equal(StoreLevel.Full, level);
        Assert.Contains("Writes wait", Assert.IsType<GuardAction.Say>(Assert.Single(actions)).Text, StringComparison.Ordinal);
        (level, actions) = StoreGuard.Next(level, Seen(used: GiB, size: GiB, free: 3 * GiB, PoolMode.Full));
        Assert.Equal((StoreLevel.Enough, new GuardAction.GrowData(new ByteSize(1536 * MiB))), (level, Assert.Single(actions)));
    }

    [Fact]
    public void No_store_grows_beyond_two_generations_and_metadata_grows_too()
    {
        Assert.Equal(new GuardAction.GrowData(new ByteSize(8 * GiB)), Assert.Single(StoreGuard.Next(StoreLevel.Enough, Seen(used: 7 * GiB, size: 7 * GiB, free: 100 * GiB)).Actions));
        Assert.Contains("limit of 8GiB", Assert.IsType<GuardAction.Say>(Assert.Single(StoreGuard.Next(StoreLevel.Enough, Seen(used: 8 * GiB, size: 8 * GiB, free: 100 * GiB, PoolMode.Full)).Actions)).Text, StringComparison.Ordinal);
        var seen = Seen(used: 100 * MiB, size: GiB, free: 10 * GiB);
        Assert.Equal(new GuardAction.GrowMetadata(new ByteSize(16 * MiB)), Assert.Single(StoreGuard.Next(StoreLevel.Enough, seen with { Pool = seen.Pool with { MetadataUsed = 7 * MiB } }).Actions));
        Assert.Equal(StoreLevel.Damaged, StoreGuard.Next(StoreLevel.Enough, seen with { Pool = seen.Pool with { Mode = PoolMode.Damaged } }).Level);
    }

    [Fact]
    public void A_growth_that_did_not_get_as_far_as_the_pool_is_finished_without_asking_for_room() =>
        Assert.Equal(new GuardAction.GrowData(new ByteSize(2 * GiB)), Assert.Single(StoreGuard.Next(StoreLevel.Full, Seen(used: GiB, size: GiB, free: 0, PoolMode.Full) with { DataVolume = new ByteSize(2 * GiB) }).Actions));

    [Fact]
    public void Whatever_is_written_however_fast_the_guard_keeps_to_group_reserve_and_limit()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var (free, size, used, level) = (random.NextInt64(20) * 512 * MiB, 256 * MiB, 0L, StoreLevel.Enough);
            for (var step = 0; step < 200; step++)
            {
                used = Math.Clamp(used + random.NextInt64(-50, 100) * MiB, 0, size);
                if (random.Next(20) == 0) free += random.NextInt64(2 * GiB); // somebody deleted, or the LUN grew
                (level, var actions) = StoreGuard.Next(level, Seen(used, size, free, used == size ? PoolMode.Full : PoolMode.Writable));
                foreach (var grown in actions.OfType<GuardAction.GrowData>())
                {
                    Assert.True(grown.Size.Bytes > size && grown.Size.Bytes <= 8 * GiB && grown.Size.Bytes % SanLayout.ExtentSize.Bytes == 0, $"seed {seed}");
                    free -= grown.Size.Bytes - size;
                    size = grown.Size.Bytes;
                    Assert.True(free >= GiB, $"seed {seed}: the reserve was touched");
                }
                if (used == size) Assert.Equal(StoreLevel.Full, level);
                var later = Seen(used, size, free, used == size ? PoolMode.Full : PoolMode.Writable);
                if (StoreGuard.IsQuiet(later.Pool)) Assert.Equal(StoreLevel.Enough, StoreGuard.Next(level, later).Level);
                if (StoreGuard.IsQuiet(later.Pool)) Assert.Empty(StoreGuard.Next(level, later).Actions);
            }
        }
    }

    [Fact]
    public void The_rate_is_that_of_the_last_day()
    {
        var rate = new FillRate([]);
        var start = DateTimeOffset.UnixEpoch;
        Assert.Null(rate.Note(start, 0));
        Assert.Null(rate.Note(start.AddMinutes(59), 100));
        for (var hour = 1; hour <= 72; hour++) Assert.Equal(24.0 * (hour <= 48 ? 100 : 10), rate.Note(start.AddHours(hour), hour <= 48 ? hour * 100 : 4800 + (hour - 48) * 10)!.Value, hour is > 48 and < 72 ? 2400.0 : 1e-6);
    }

    [Fact]
    public void What_was_seen_before_a_restart_counts_and_what_a_wrong_clock_noted_does_not()
    {
        var (rate, start) = (new FillRate([]), DateTimeOffset.UnixEpoch.AddYears(50));
        for (var minute = 0; minute < 3000; minute++) rate.Note(start.AddMinutes(minute), minute);
        Assert.InRange(rate.Samples.Count, 144, 146);
        var again = new FillRate(rate.Samples);
        Assert.Equal(24 * 60, again.Note(start.AddMinutes(3001), 3001)!.Value, 1e-6);
        // A battery that is empty: nothing of the future, nor of long ago, is taken for a day's work.
        Assert.Null(again.Note(DateTimeOffset.UnixEpoch, 3002));
        Assert.Null(again.Note(start.AddMinutes(3003), 3003));
        Assert.Equal(24 * 60, again.Note(start.AddMinutes(3063), 3063)!.Value, 1e-6);
    }

    [Theory]
    [InlineData("0 8388608 thin 204800 8388607", 204800L * 512)]
    [InlineData("0 8388608 thin 0 -", 0L)]
    [InlineData("0 8388608 thin Fail", null)]
    [InlineData("0 8388608 thin-pool 1 45/2048 1234/65536 - rw", null)]
    public void What_a_root_has_of_its_own_is_read_from_its_status(string line, long? own) => Assert.Equal(own, PoolStatus.OwnOf(line));

    private static StoreSeen Seen(long used, long size, long free, PoolMode mode = PoolMode.Writable) =>
        new(new PoolStatus(MiB, 8 * MiB, used, size, mode), new ByteSize(size), new ByteSize(free), new ByteSize(GiB), new ByteSize(8 * GiB));
}
