using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Exclusion, fencing and the lease on a simulated array, in every order that some thousand seeds bring about.</summary>
public sealed class FencingTests
{
    private const int Seeds = 3000, Waiting = 200;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static TheoryData<string, bool> Outputs => new()
    {
        { "Report capabilities response:\n  Persist Through Power Loss Capable(PTPL_C): 1\n    Support indicated in Type mask:\n      Write Exclusive, all registrants: 1\n", true },
        { "Report capabilities response:\n  Persist Through Power Loss Capable(PTPL_C): 0\n    Support indicated in Type mask:\n      Write Exclusive, all registrants: 1\n", false },
        { "Report capabilities response:\n  Persist Through Power Loss Capable(PTPL_C): 1\n    Support indicated in Type mask:\n      Write Exclusive, all registrants: 0\n", false },
    };

    [Fact]
    public void A_key_carries_the_node_and_its_boot_and_the_next_one_is_new()
    {
        var first = ReservationKey.Next(Node(1), [], 0);
        Assert.Equal((Node(1), 1), (first.Node!.Value, first.Boot));
        var second = ReservationKey.Next(Node(1), [first, new ReservationKey(Node(2), 7)], 0);
        Assert.Equal((Node(1), 2), (second.Node!.Value, second.Boot));
        Assert.Equal(1, ReservationKey.Next(Node(1), [new ReservationKey(Node(1), ushort.MaxValue)], 0).Boot);
        Assert.Equal(8, ReservationKey.Next(Node(1), [first, second], 7).Boot);
        Assert.True(ReservationKey.TryParse(second.ToString(), out var read));
        Assert.Equal(second, read);
        Assert.Null(new ReservationKey(0x1234).Node);
        Assert.False(ReservationKey.TryParse("0xzz", out _));
    }

    [Fact]
    public void Keys_are_read_from_what_sg_persist_prints() =>
        Assert.Equal([new ReservationKey(Node(1), 3), new ReservationKey(0xABC)], ScsiDisk.ParseKeys($"  PR generation=0x2, 2 registered reservation keys follow:\n    {new ReservationKey(Node(1), 3)}\n    0xabc\n"));

    [Theory, MemberData(nameof(Outputs))]
    public void An_array_can_fence_when_registrations_outlive_a_loss_of_power(string output, bool canFence) =>
        Assert.Equal(canFence, ScsiDisk.SaysYes(output, @"PTPL_C\)") && ScsiDisk.SaysYes(output, "Write Exclusive, all registrants"));

    [Fact]
    public void The_blocks_are_read_as_they_were_written_and_nothing_else_is_taken_for_one()
    {
        var lease = new LeaseBlock(7, new ReservationKey(Node(1), 2), "node01");
        Assert.True(LeaseBlock.TryRead(lease.ToBytes(4096), out var readLease));
        Assert.Equal(lease, readLease);
        Assert.True(LeaseBlock.TryRead(new byte[512], out var blank));
        Assert.True(blank.IsFree);
        var fences = new FenceBlock(3, []).With(Node(1), true).With(Node(2), true).With(Node(1), false);
        Assert.True(FenceBlock.TryRead(fences.ToBytes(512), out var readFences));
        Assert.Equal((6UL, Node(2)), (readFences.Count, Assert.Single(readFences.Nodes)));
        var full = Enumerable.Range(0, FenceBlock.Capacity).Aggregate(new FenceBlock(0, []), (f, i) => f.With(Node(i), true));
        Assert.True(FenceBlock.TryRead(full.ToBytes(512), out var readFull));
        Assert.Equal(FenceBlock.Capacity, readFull.Nodes.Count);
        Assert.Throws<FailureException>(() => full.With(Node(999), true));
        // Of those that are not in the site any more, the one that was shut out first makes room.
        var roomier = full.With(Node(999), true, [.. full.Nodes.Where(n => n != Node(5) && n != Node(7))]);
        Assert.Equal([.. full.Nodes.Where(n => n != Node(5)), Node(999)], roomier.Nodes);
        Assert.Throws<FailureException>(() => full.With(Node(999), true, full.Nodes.ToHashSet()));
        Assert.Equal(FenceBlock.Capacity - 1, full.With(Node(5), false, []).Nodes.Count);
        var random = new Random(1);
        for (var i = 0; i < 1000; i++)
        {
            var noise = new byte[random.Next(600)];
            random.NextBytes(noise);
            if (random.Next(2) == 0) (i % 2 == 0 ? "VLLEASE1"u8 : "VLFENCE1"u8).TryCopyTo(noise);
            LeaseBlock.TryRead(noise, out _);
            FenceBlock.TryRead(noise, out _);
        }
        Assert.False(LeaseBlock.TryRead(full.ToBytes(512), out _));
        Assert.False(FenceBlock.TryRead(lease.ToBytes(512), out _));
    }

    [Fact]
    public void A_node_that_boots_again_or_in_another_machine_shuts_its_older_self_out()
    {
        var san = new SimulatedSan(1);
        var old = Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true));
        var key = Done(san, new Exclusion(san.For(9)).EnterAsync("node01", Node(1), reserves: true));
        Assert.NotEqual(old, key);
        Assert.Equal(key, Assert.Single(san.Keys));
        Assert.False(san.TakesWriteOf(1));
    }

    [Fact]
    public void A_node_writes_after_it_has_shut_its_older_self_out_also_where_the_array_counts_all_ports_of_a_name_as_one()
    {
        var san = new SimulatedSan(1) { CountsByName = true };
        Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true));
        var taken = Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true));
        var key = Done(san, new Exclusion(san.For(101)).EnterAsync("node01", Node(1), reserves: true));
        Assert.Equal((false, true, true), (san.TakesWriteOf(1), san.TakesWriteOf(2), san.TakesWriteOf(101)));
        Assert.Equal(2, san.Keys.Count);
        // And it shuts out others.
        Done(san, new Exclusion(san.For(101)).ReplaceAsync(key, Node(2)));
        Assert.Equal(key, Assert.Single(san.Keys));
        // Who comes in the replaced one's place is not taken for it.
        Assert.NotEqual(taken, Done(san, new Exclusion(san.For(3)).EnterAsync("node02", Node(2), reserves: true)));
    }

    [Fact]
    public void A_node_is_fenced_on_every_LUN_of_the_group_even_one_that_the_fencing_node_had_not_joined()
    {
        var (first, second) = (new SimulatedSan(1), new SimulatedSan(1));
        var own = Done(first, new Exclusion(first.For(1)).EnterAsync("node01", Node(1), reserves: true))!.Value;
        Settle(new Exclusion(first.For(2), second.For(2)).EnterAsync("node02", Node(2), reserves: true), first, second);
        var key = first.Keys.Single(k => k.Node == Node(2));
        Assert.Equal(key, Assert.Single(second.Keys));
        Assert.True(second.TakesWriteOf(2));
        Assert.False(second.TakesWriteOf(3));

        Settle(new Exclusion(first.For(1), second.For(1)).FenceAsync(own, Node(2)), first, second);
        Assert.False(first.TakesWriteOf(2));
        Assert.False(second.TakesWriteOf(2));
        Assert.Equal(own, Assert.Single(second.Keys));

        // It comes back late and tries to get in by the LUN that has no note.
        var late = new Exclusion(first.For(2), second.For(2)).JoinAsync("node02", key);
        Drain(first, second);
        Assert.True(late.IsFaulted);
        Assert.False(second.TakesWriteOf(2));
    }

    [Fact]
    public void A_running_node_joins_a_LUN_once()
    {
        var (first, second) = (new SimulatedSan(1), new SimulatedSan(1));
        var key = Done(first, new Exclusion(first.For(1)).EnterAsync("node01", Node(1), reserves: true))!.Value;
        for (var time = 0; time < 2; time++) Settle(new Exclusion(first.For(1), second.For(1)).JoinAsync("node01", key), first, second);
        Assert.Equal(key, Assert.Single(second.Keys));
        Assert.False(second.TakesWriteOf(2));
    }

    private static void Settle(Task task, params SimulatedSan[] luns)
    {
        Drain(luns);
        Assert.True(task.IsCompletedSuccessfully, task.Exception?.Message);
    }

    private static void Drain(params SimulatedSan[] luns)
    {
        for (var turn = 0; turn < Waiting; turn++)
            foreach (var lun in luns) lun.Run();
    }

    [Fact]
    public void A_site_never_leaves_an_array_under_a_node_that_starts_from_it()
    {
        var (left, ended) = (0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var san = new SimulatedSan(seed);
            var key = Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true));
            var node = StartAsync(new Exclusion(san.For(2)), san.For(2));
            var move = LeaveAsync(new Exclusion(san.For(1)), san.For(1), key, Guid.NewGuid());
            san.Run();
            Assert.True(node.IsCompleted && move.IsCompleted);
            var (hasLeft, hasStarted) = (SaysYes(move), SaysYes(node));
            Assert.True(hasLeft != hasStarted, $"seed {seed}: left {hasLeft}, started {hasStarted}: {move.Exception?.Message} {node.Exception?.Message}");
            if (hasLeft) left++;
            else ended++;
        }
        Assert.True(left > Seeds / 100 && ended > Seeds / 100, $"{left} left, {ended} did not");

        // What says that the site has left is one write to the LUN, for which another block stands here.
        static async Task<bool> LeaveAsync(Exclusion exclusion, ISharedDisk disk, ReservationKey? key, Guid copy)
        {
            await exclusion.BeginMoveAsync(key, copy);
            if ((await disk.ReadKeysAsync()).Any(k => k != key)) return false;
            return (await exclusion.ReadMoveAsync()).Copy == copy && await disk.ReplaceBlockAsync(SharedBlock.Lease, new byte[512], [.. Enumerable.Repeat((byte)1, 512)]);
        }

        static async Task<bool> StartAsync(Exclusion exclusion, ISharedDisk disk)
        {
            if ((await disk.ReadBlockAsync(SharedBlock.Lease))[0] == 1) return false;
            var key = new ReservationKey(Node(2), 1);
            await disk.RegisterAsync(key);
            await disk.ReserveAsync(key);
            await exclusion.EndMoveAsync(key);
            return (await disk.ReadBlockAsync(SharedBlock.Lease))[0] != 1;
        }
    }

    [Fact]
    public void Whoever_moves_a_site_is_known_by_its_key_and_shut_out_by_who_starts_and_by_who_moves_it_next()
    {
        var san = new SimulatedSan(1);
        var (first, second, third) = (new Exclusion(san.For(1)), new Exclusion(san.For(2)), new Exclusion(san.For(3)));
        var (one, two, three) = (Done(san, first.EnterAsync("node01", Node(1), reserves: true)), Done(san, second.EnterAsync("node02", Node(2), reserves: true)), Done(san, third.EnterAsync("node03", Node(3), reserves: true)));
        var copy = Guid.NewGuid();
        Assert.False(Done(san, third.EndMoveAsync(three)));
        Begin(san, first, one, copy);
        Assert.Equal(new MoveBlock(one!.Value, copy), Done(san, first.ReadMoveAsync()));
        Begin(san, second, two, copy);
        Assert.False(san.TakesWriteOf(1));
        Assert.True(Done(san, third.EndMoveAsync(three)));
        Assert.False(san.TakesWriteOf(2));
        Assert.Equal(three, Assert.Single(san.Keys));
        Assert.Equal(default, Done(san, third.ReadMoveAsync()));
        Assert.True(MoveBlock.TryRead(new MoveBlock(three!.Value, copy).ToBytes(4096), out var read));
        Assert.Equal(new MoveBlock(three.Value, copy), read);
        Assert.False(MoveBlock.TryRead([.. Enumerable.Repeat((byte)7, 512)], out _));
    }

    private static bool SaysYes(Task<bool> task) => task.IsCompletedSuccessfully && task.GetAwaiter().GetResult();

    private static void Begin(SimulatedSan san, Exclusion exclusion, ReservationKey? key, Guid copy)
    {
        var begun = exclusion.BeginMoveAsync(key, copy);
        san.Run();
        Assert.True(begun.IsCompletedSuccessfully, begun.Exception?.Message);
    }

    [Fact]
    public void A_fenced_node_writes_nothing_and_boots_only_when_it_is_let_in_again()
    {
        var san = new SimulatedSan(1);
        var first = Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true))!.Value;
        var second = Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true))!.Value;
        Done(san, new Exclusion(san.For(1)).FenceAsync(first, Node(2)));
        Assert.False(san.TakesWriteOf(2));
        Assert.DoesNotContain(second, san.Keys);
        var refused = new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true);
        san.Run();
        Assert.Contains("unfence node02", refused.Exception!.InnerException!.Message, StringComparison.Ordinal);

        Done(san, new Exclusion(san.For(1)).UnfenceAsync(Node(2)));
        // Under another key: the older boot must not find its own one there when it wakes up.
        Assert.NotEqual(second, Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true)));
        Assert.True(san.TakesWriteOf(2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_address_is_known_by_its_key_on_any_LUN_or_by_being_fenced(bool canFence)
    {
        var (first, second) = (new SimulatedSan(1) { CanFence = canFence }, new SimulatedSan(2) { CanFence = canFence });
        var own = Done(first, new Exclusion(first.For(1)).EnterAsync("node01", Node(1), reserves: true));
        var exclusion = new Exclusion(first.For(1), second.For(1));
        if (canFence) Done(second, second.For(3).RegisterAsync(new ReservationKey(Node(3), 1)));
        Assert.Equal(canFence, Known(1));
        Assert.Equal(canFence, Known(3));
        Assert.False(Known(2));
        Done(first, new Exclusion(first.For(1)).FenceAsync(own, Node(2)));
        Assert.True(Known(2));

        bool Known(int node)
        {
            var known = exclusion.KnowsAsync(Node(node));
            Settle(known, first, second);
            return known.GetAwaiter().GetResult();
        }
    }

    [Fact]
    public void An_installer_shuts_machines_of_an_older_site_out_and_lets_everybody_else_write_until_a_node_reserves()
    {
        var san = new SimulatedSan(1);
        Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true));
        var key = Done(san, new Exclusion(san.For(1)).TakeOverAsync(Node(1)));
        Assert.Equal(key, Assert.Single(san.Keys));
        Assert.False(san.TakesWriteOf(2));
        san = new SimulatedSan(1);
        Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: false));
        Assert.True(san.TakesWriteOf(2));
        Done(san, new Exclusion(san.For(3)).EnterAsync("node03", Node(3), reserves: true));
        Assert.Equal((true, false), (san.TakesWriteOf(1), san.TakesWriteOf(2)));
    }

    [Fact]
    public void A_lease_that_a_boot_left_behind_is_free_when_the_node_boots_again()
    {
        var san = new SimulatedSan(1) { CanFence = false };
        Done(san, SanLease.TakeAsync(san.For(1), new ReservationKey(Node(1), 0), "node01", Patience, san.Clock(1)));
        Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true));
        Done(san, SanLease.TakeAsync(san.For(2), new ReservationKey(Node(2), 0), "node02", Patience, san.Clock(2)));
    }

    [Theory, InlineData(3, false), InlineData(102, true)]
    public void Whichever_way_a_boot_and_a_fencing_meet_the_node_stays_out(int again, bool countsByName)
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var san = new SimulatedSan(seed) { CountsByName = countsByName };
            var own = Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true))!.Value;
            Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true));
            var boot = new Exclusion(san.For(again)).EnterAsync("node02", Node(2), reserves: true);
            var fence = new Exclusion(san.For(1)).FenceAsync(own, Node(2));
            san.Run();
            Assert.True(fence.IsCompletedSuccessfully && boot.IsCompleted, $"seed {seed}");
            Assert.False(san.TakesWriteOf(2) || san.TakesWriteOf(again), $"seed {seed}");
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Two_nodes_never_change_the_volume_group_at_once_whoever_dies_in_between(bool canFence)
    {
        var changes = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var san = new SimulatedSan(seed) { CanFence = canFence };
            HashSet<int> inside = [];
            List<Task> all = [];
            for (var machine = 1; machine <= 3; machine++) all.Add(ChangeAsync(san, machine, inside, () => changes++, $"seed {seed}"));
            // One of them stands still at some point, is fenced by another, and comes back late.
            var victim = san.Next(3) + 1;
            var steps = san.Next(30);
            san.Run(() => steps-- == 0);
            san.Stop(victim);
            var wait = Waiting;
            san.Run(() => wait-- == 0); // whoever waits for the victim would wait for ever
            if (!all[victim - 1].IsCompleted)
            {
                var survivor = victim % 3 + 1;
                ReservationKey? own = canFence ? san.Keys.First(k => k.Node == Node(survivor)) : null;
                if (canFence) Done(san, new Exclusion(san.For(survivor)).FenceAsync(own, Node(victim)));
                else Done(san, new Exclusion(san.For(survivor)).FenceAsync(null, Node(victim)));
                inside.Remove(victim); // from here on the SAN takes nothing from it
                san.Run();
                if (!canFence) san.Forget(victim); // there, somebody has pulled its plug
            }
            san.Revive(victim);
            san.Run();
            foreach (var machine in (int[])[1, 2, 3])
                if (machine != victim) Assert.True(all[machine - 1].IsCompletedSuccessfully, $"seed {seed}: node0{machine}: {all[machine - 1].Exception?.InnerException}");
        }
        Assert.True(changes > Seeds);
    }

    /// <summary>A node that boots, and changes the volume group once.</summary>
    private static async Task ChangeAsync(SimulatedSan san, int machine, HashSet<int> inside, Action changed, string seed)
    {
        var disk = san.For(machine);
        var key = await new Exclusion(disk).EnterAsync($"node0{machine}", Node(machine), reserves: true) ?? new ReservationKey(Node(machine), 0);
        await using var lease = await SanLease.TakeAsync(disk, key, $"node0{machine}", Patience, san.Clock(machine));
        Assert.True(!inside.Any(other => san.TakesWriteOf(other)), $"{seed}: {machine} beside {string.Join(", ", inside)}");
        inside.Add(machine);
        for (var pause = 0; pause < 3; pause++) await Task.Delay(TimeSpan.FromMilliseconds(1), san.Clock(machine));
        // A late writer: the SAN refuses it, or the lease is still its own.
        if (!san.TakesWriteOf(machine)) return;
        Assert.True(await lease.IsHeldAsync() || !san.TakesWriteOf(machine), seed);
        inside.Remove(machine);
        changed();
    }

    private static Ipv4Address Node(int number) => new(0xC0A8_4D0A + (uint)number);

    private static T Done<T>(SimulatedSan san, Task<T> task)
    {
        san.Run(() => task.IsCompleted);
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }

    private static void Done(SimulatedSan san, Task task)
    {
        san.Run(() => task.IsCompleted);
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }
}
