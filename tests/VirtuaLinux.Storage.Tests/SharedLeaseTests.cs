using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Who serves the volume that all nodes share, in every order that some thousand seeds bring about.</summary>
public sealed class SharedLeaseTests
{
    private const int Seeds = 1000, Chaos = 1000, Calm = 6000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private static readonly ReservationKey Own = new(Node(1), 3), Other = new(Node(2), 7);

    [Fact]
    public void A_lease_that_was_given_back_is_taken_at_once_and_one_that_is_renewed_never()
    {
        var watch = new SharedWatch(Own, true, Patience);
        Assert.Equal(new SharedVerdict.Take(null), watch.See(Seen(default, 1, Own, Other), At(0), At(0)).Verdict);
        for (var second = 0; second < 1000; second += 5)
            Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(Other, (ulong)second, Own, Other), second));
    }

    [Fact]
    public void A_holder_that_does_not_renew_loses_its_lease_and_its_key_after_the_whole_patience()
    {
        var watch = new SharedWatch(Own, true, Patience);
        for (var second = 0; second < 45; second += 5) Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(Other, 1, Own, Other), second));
        Assert.Equal(new SharedVerdict.Take(Other), Step(ref watch, Seen(Other, 1, Own, Other), 45));
    }

    [Fact]
    public void A_SAN_that_was_away_was_away_for_the_holder_too()
    {
        var watch = new SharedWatch(Own, true, Patience);
        for (var second = 0; second < 45; second += 5) Step(ref watch, Seen(Other, 1, Own, Other), second);
        Assert.IsType<SharedVerdict.Wait>(Step(ref watch, null, 45));
        Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(Other, 1, Own, Other), 60));
        Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(Other, 1, Own, Other), 100));
        // The look itself waited for the SAN.
        (watch, var verdict) = watch.See(Seen(Other, 1, Own, Other), At(110), At(170));
        Assert.IsType<SharedVerdict.Wait>(verdict);
        Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(Other, 1, Own, Other), 171));
        Assert.IsType<SharedVerdict.Take>(Step(ref watch, Seen(Other, 1, Own, Other), 217));
    }

    [Fact]
    public void Who_is_shut_out_itself_takes_nothing()
    {
        var watch = new SharedWatch(Own, true, Patience);
        for (var second = 0; second < 200; second += 5) Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(default, 1, Other), second));
    }

    [Fact]
    public void A_boot_of_this_node_that_is_over_and_a_node_that_is_fenced_are_not_waited_for()
    {
        var older = new ReservationKey(Node(1), 2);
        Assert.Equal(new SharedVerdict.Take(older), new SharedWatch(Own, true, Patience).See(Seen(older, 1, Own, Other), At(0), At(0)).Verdict);
        Assert.Equal(new SharedVerdict.Take(null), new SharedWatch(Own, true, Patience).See(Seen(Own, 1, Own, Other), At(0), At(0)).Verdict);
        Assert.Equal(new SharedVerdict.Take(Other), new SharedWatch(Own, true, Patience).See(Seen(Other, 1, Own) with { Fences = new FenceBlock(1, [Node(2)]) }, At(0), At(0)).Verdict);
    }

    [Fact]
    public void Where_nobody_can_be_shut_out_only_a_machine_that_somebody_saw_off_is_replaced()
    {
        var (own, other) = (new ReservationKey(Node(1), 0), new ReservationKey(Node(2), 0));
        var watch = new SharedWatch(own, false, Patience);
        for (var second = 0; second < 1000; second += 5) Assert.IsType<SharedVerdict.Wait>(Step(ref watch, Seen(other, 1), second));
        Assert.Equal(new SharedVerdict.Take(null), Step(ref watch, Seen(other, 1) with { Fences = new FenceBlock(1, [Node(2)]) }, 1001));
        Assert.Equal(new SharedVerdict.Take(null), Step(ref watch, Seen(own, 1), 1002));
        Assert.Equal(new SharedVerdict.Take(null), Step(ref watch, Seen(default, 1), 1003));
    }

    [Fact]
    public void A_boot_that_was_ended_writes_nothing_and_the_node_boots_again_without_being_let_in()
    {
        var san = new SimulatedSan(1);
        var own = Done(san, new Exclusion(san.For(1)).EnterAsync("node01", Node(1), reserves: true))!.Value;
        var other = Done(san, new Exclusion(san.For(2)).EnterAsync("node02", Node(2), reserves: true))!.Value;
        Assert.True(Done(san, new SharedLease(san.For(2), other, "node02").TakeAsync(Done(san, SharedLease.LookAsync(san.For(2), true)))));
        var before = Done(san, new Exclusion(san.For(1)).ReadFencesAsync()).Count;
        Done(san, Value(new Exclusion(san.For(1)).EndBootAsync(own, other)));
        Assert.False(san.TakesWriteOf(2));
        Assert.NotEqual(before, Done(san, new Exclusion(san.For(1)).ReadFencesAsync()).Count);
        var next = Done(san, new Exclusion(san.For(3)).EnterAsync("node02", Node(2), reserves: true));
        Assert.True(san.TakesWriteOf(3));
        Assert.NotEqual(other, next);
        // A boot that is over is ended again, and the one after it goes on.
        Done(san, Value(new Exclusion(san.For(1)).EndBootAsync(own, other)));
        Assert.Contains(next!.Value, san.Keys);
    }

    [Fact]
    public void A_renewal_whose_answer_was_lost_counts_from_when_it_was_done()
    {
        var san = new SimulatedSan(1);
        var lease = new SharedLease(san.For(1), Own, "node01");
        Assert.True(Done(san, lease.TakeAsync(Done(san, SharedLease.LookAsync(san.For(1), false)))));
        var seen = Done(san, SharedLease.LookAsync(san.For(1), false));
        Assert.True(Done(san, san.For(1).ReplaceBlockAsync(SharedBlock.Serving, seen.Block, (seen.Lease with { Count = seen.Lease.Count + 1 }).ToBytes(512))));
        Assert.True(Done(san, lease.RenewAsync()));
        Assert.Equal(seen.Lease.Count + 2, Done(san, SharedLease.LookAsync(san.For(1), false)).Lease.Count);
        Done(san, Value(lease.ReleaseAsync()));
        Assert.True(Done(san, SharedLease.LookAsync(san.For(1), false)).Lease.IsFree);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Whatever_happens_only_one_node_writes_and_what_was_acknowledged_is_there(bool canFence)
    {
        var (takeovers, writes) = (0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var site = new Site(seed, canFence);
            site.Run();
            takeovers += site.Takeovers;
            writes += site.Acknowledged;
        }
        Assert.True(takeovers > 2 * Seeds && writes > 10 * Seeds, $"{takeovers} takeovers, {writes} writes");
    }

    /// <summary>Three nodes, and everything that can happen to them. A machine is one boot of a node.</summary>
    private sealed class Site(int seed, bool canFence)
    {
        private readonly SimulatedSan _san = new(seed) { CanFence = canFence };
        private readonly Dictionary<int, int> _nodeOf = [];
        private readonly HashSet<int> _stalled = [], _off = [];
        private readonly List<Task> _tasks = [];
        private readonly Dictionary<ReservationKey, int> _machineOf = [];
        // Machines that were ended by others and stand still: they do not know it yet.
        private readonly HashSet<int> _ended = [];
        private int _machines, _volume, _owner;

        public int Takeovers { get; private set; }

        public int Acknowledged { get; private set; }

        public void Run()
        {
            for (var node = 1; node <= 3; node++) Boot(node);
            var steps = 0;
            _san.Run(() =>
            {
                if (_san.Next(15) == 0) Happen();
                See();
                return ++steps > Chaos;
            });
            // Then all is well again, and somebody serves.
            foreach (var machine in _stalled.ToList()) Revive(machine);
            for (var node = 1; node <= 3; node++) BootWhereOff(node);
            var (written, left) = (Acknowledged, Calm);
            _san.Run(() =>
            {
                See();
                return Acknowledged > written + 3 || left-- == 0;
            });
            Assert.True(Acknowledged > written + 3, $"seed {seed}: nobody serves");
        }

        private void See()
        {
            if (_tasks.FirstOrDefault(t => t.IsFaulted) is { } failed) Assert.Fail($"seed {seed}: {failed.Exception!.InnerException}");
        }

        private void Happen()
        {
            var machine = _nodeOf.Keys.Where(m => !_off.Contains(m)).ElementAtOrDefault(_san.Next(3));
            switch (_san.Next(6))
            {
                case 0 when machine > 0 && _stalled.Add(machine):
                    _san.Stop(machine);
                    break;
                case 1 or 2 when _stalled.Count > 0:
                    Revive(_stalled.First());
                    break;
                case 3 when machine > 0:
                    var node = _nodeOf[machine];
                    Off(machine);
                    // Where nobody can be shut out, somebody looks and says so, or the machine is started again.
                    if (!canFence && _san.Next(2) == 0) _tasks.Add(NoteAsync(node));
                    else BootWhereOff(node);
                    break;
                case 4 when canFence && machine > 0:
                    // Another machine boots in its place, and nobody has switched it off.
                    if (!_stalled.Contains(machine) && _machineOf.ContainsValue(machine) && _nodeOf.Count(m => m.Value == _nodeOf[machine] && !_off.Contains(m.Key)) == 1) Boot(_nodeOf[machine]);
                    break;
                case 5 when canFence && _ended.Count == 0 && _stalled.Count <= 1 && _san.Next(4) == 0:
                    // With nobody on its way who must be kept out: until the array is reserved again, it keeps nobody out.
                    _san.LoseRegistrations();
                    break;
            }
        }

        private async Task NoteAsync(int node)
        {
            var exclusion = new Exclusion(_san.For(100 + node));
            await exclusion.FenceAsync(null, Node(node));
            for (var pause = 0; pause < 60; pause++) await Task.Delay(TimeSpan.FromMilliseconds(1), _san.Clock(100 + node));
            await exclusion.UnfenceAsync(Node(node));
            BootWhereOff(node);
        }

        private void Revive(int machine)
        {
            _stalled.Remove(machine);
            _san.Revive(machine);
        }

        private void Off(int machine)
        {
            _off.Add(machine);
            _stalled.Remove(machine);
            _ended.Remove(machine);
            _san.Forget(machine);
        }

        /// <summary>The machine restarts itself.</summary>
        private void Restart(int machine)
        {
            var node = _nodeOf[machine];
            Off(machine);
            BootWhereOff(node);
        }

        /// <summary>Two machines that start as one node in the same instant would get the same key: what nothing but their operator can keep apart does not happen here.</summary>
        private void BootWhereOff(int node)
        {
            if (!_nodeOf.Any(m => m.Value == node && !_off.Contains(m.Key))) Boot(node);
        }

        private void Boot(int node)
        {
            var machine = ++_machines;
            _nodeOf[machine] = node;
            _tasks.Add(RunAsync(machine, node));
        }

        private async Task RunAsync(int machine, int node)
        {
            ReservationKey? key;
            while (true)
                try
                {
                    key = await new Exclusion(_san.For(machine)).EnterAsync($"node0{node}", Node(node), reserves: true);
                    break;
                }
                catch (FailureException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(1), _san.Clock(machine)); // fenced, or somebody else was faster: it tries again
                }
            if (_off.Contains(machine)) return;
            var own = key ?? new ReservationKey(Node(node), 0);
            _machineOf[own] = machine;
            if (canFence) _tasks.Add(WatchKeyAsync(machine, own));
            await ServeAsync(machine, own);
        }

        /// <summary>As <c>FenceWatch</c> does it.</summary>
        private async Task WatchKeyAsync(int machine, ReservationKey own)
        {
            var disk = _san.For(machine);
            var watch = new KeyWatch(own);
            while (!_off.Contains(machine))
            {
                var fences = await new Exclusion(disk).ReadFencesAsync();
                var answer = await _san.Happen(machine, () => new Registrations(_san.Generation, [.. _san.Keys], fences));
                if (_off.Contains(machine)) return;
                (watch, var verdict) = watch.See(answer);
                try
                {
                    if (verdict is KeyVerdict.Register) await disk.RegisterAsync(own);
                    if (verdict is KeyVerdict.Reserve) await disk.ReserveAsync(own);
                }
                catch (FailureException)
                {
                    continue;
                }
                if (verdict is KeyVerdict.Restart)
                {
                    Restart(machine);
                    return;
                }
                await Task.Delay(TimeSpan.FromMilliseconds(1), _san.Clock(machine));
            }
        }

        /// <summary>As <c>SharedService</c> does it.</summary>
        private async Task ServeAsync(int machine, ReservationKey own)
        {
            var disk = _san.For(machine);
            var watch = new SharedWatch(own, canFence, Patience);
            var (lease, mounted) = (default(SharedLease), false);
            while (!_off.Contains(machine))
            {
                try
                {
                    if (lease is null)
                    {
                        var began = _san.Now;
                        var seen = await SharedLease.LookAsync(disk, canFence);
                        (watch, var verdict) = watch.See(seen, began, _san.Now);
                        if (verdict is SharedVerdict.Take take)
                        {
                            if (take.Victim is { } victim)
                            {
                                await new Exclusion(disk).EndBootAsync(own, victim);
                                if (_machineOf.TryGetValue(victim, out var old) && !_off.Contains(old)) _ended.Add(old);
                            }
                            var mine = new SharedLease(disk, own, $"machine {machine}");
                            if (await mine.TakeAsync(seen)) lease = mine;
                        }
                    }
                    else if (!await lease.RenewAsync())
                    {
                        if (!_off.Contains(machine)) Restart(machine);
                        return;
                    }
                    else if (!mounted)
                    {
                        await _san.Happen(machine, () => Mounted(machine));
                        mounted = true;
                        Takeovers++;
                    }
                    else if (_san.Next(12) == 0)
                    {
                        mounted = false;
                        await lease.ReleaseAsync();
                        lease = null;
                    }
                    else
                    {
                        // Several are under way at once, so that some are late.
                        var first = Write(machine);
                        var second = Write(machine);
                        await first;
                        await second;
                    }
                }
                catch (FailureException)
                {
                    // The SAN refuses: whether this machine is out, its other half finds out.
                }
                await Task.Delay(TimeSpan.FromMilliseconds(1), _san.Clock(machine));
            }
        }

        private bool Mounted(int machine)
        {
            // To mount is to write.
            if (!_san.TakesWriteOf(machine)) throw new FailureException("reservation conflict");
            if (_volume != Acknowledged) Assert.Fail($"machine {machine} finds {_volume} of {Acknowledged}");
            _owner = machine;
            return true;
        }

        private Task<bool> Write(int machine) => _san.Happen(machine, () =>
        {
            if (!_san.TakesWriteOf(machine)) throw new FailureException("reservation conflict");
            if (_owner != machine) Assert.Fail($"machine {machine} writes, and {_owner} has the volume");
            _volume++;
            Acknowledged++;
            return true;
        });
    }

    private static SharedSeen Seen(ReservationKey holder, ulong count, params IReadOnlyList<ReservationKey> keys) => new([], new LeaseBlock(count, holder, "somebody"), keys, new FenceBlock(0, []));

    private static SharedVerdict Step(ref SharedWatch watch, SharedSeen? seen, int second)
    {
        (watch, var verdict) = watch.See(seen, At(second), At(second));
        return verdict;
    }

    private static TimeSpan At(int second) => TimeSpan.FromSeconds(second);

    private static Ipv4Address Node(int number) => new(0xC0A8_4D0A + (uint)number);

    private static async Task<bool> Value(Task task)
    {
        await task;
        return true;
    }

    private static T Done<T>(SimulatedSan san, Task<T> task)
    {
        san.Run(() => task.IsCompleted);
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }
}
