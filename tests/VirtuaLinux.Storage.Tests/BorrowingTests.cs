using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Whose volumes are in use on another node: of one volume there is never more than one writer, in every order that some thousand seeds bring about.</summary>
public sealed class BorrowingTests
{
    private const int Seeds = 3000, Chaos = 700;

    [Fact]
    public void The_block_is_read_as_it_was_written_and_nothing_else_is_taken_for_it()
    {
        var (one, two) = (new Borrow(Node(1), new ReservationKey(Node(2), 7), BorrowKind.Write), new Borrow(Node(3), new ReservationKey(Node(2), 7), BorrowKind.Read));
        var block = new BorrowBlock(3, []).With(one).With(two).With(one with { Holder = new ReservationKey(Node(4), 1) });
        Assert.True(BorrowBlock.TryRead(block.ToBytes(512), out var read));
        Assert.Equal(6UL, read.Count);
        Assert.Equal(block.Borrows, read.Borrows);
        Assert.Equal(two, Assert.Single(block.Without(b => b.Node == Node(1)).Borrows));
        var full = Enumerable.Range(0, BorrowBlock.Capacity).Aggregate(new BorrowBlock(0, []), (b, i) => b.With(one with { Node = Node(i) }));
        Assert.True(BorrowBlock.TryRead(full.ToBytes(512), out var readFull));
        Assert.Equal(BorrowBlock.Capacity, readFull.Borrows.Count);
        Assert.Throws<FailureException>(() => full.With(one with { Node = Node(999) }));
        Assert.Equal(BorrowBlock.Capacity, full.With(one).Borrows.Count);
        Assert.True(BorrowBlock.TryRead(new byte[4096], out var blank));
        Assert.Empty(blank.Borrows);
        Assert.False(BorrowBlock.TryRead(new FenceBlock(1, [Node(1)]).ToBytes(512), out _));
        var random = new Random(1);
        for (var i = 0; i < 1000; i++)
        {
            var noise = new byte[random.Next(600)];
            random.NextBytes(noise);
            if (random.Next(2) == 0) "VLBORRW1"u8.TryCopyTo(noise);
            BorrowBlock.TryRead(noise, out _);
        }
    }

    [Fact]
    public void A_device_over_an_origin_names_its_image_by_its_name_or_its_UUID()
    {
        var image = ImageVersion.Parse("debian-13@2026.11.23-1");
        Assert.Equal(image, NodeVolumes.MappedImage(NodeVolumes.ImageDevice + NodeVolumes.BootName(image)));
        Assert.Equal(image, NodeVolumes.MappedImage(NodeVolumes.OriginUuid(image, "vl-node02-origin")));
        foreach (var other in (string[])["vl-node02-origin", "vl-root", "", "part1-mpath-36001405"]) Assert.Null(NodeVolumes.MappedImage(other));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void The_volumes_of_a_fenced_node_are_in_use_on_one_helper_and_nobody_lets_the_node_in_until_it_gives_them_back(bool canFence)
    {
        var (san, own) = Started(canFence);
        Refuse(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Write), "node03 is not fenced");
        Assert.Empty(Borrows(san));
        Done(san, In(san, 1).FenceAsync(canFence ? own[0] : null, Node(3)));
        Done(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Write));
        foreach (var (machine, kind) in ((int, BorrowKind)[])[(1, BorrowKind.Write), (1, BorrowKind.Read), (2, BorrowKind.Write), (2, BorrowKind.Read)])
            Refuse(san, In(san, machine).BorrowAsync(own[machine - 1], Node(3), kind), "the volumes of node03 are in use on node01; give 'virtualinux node unmount node03' there, or if node01 is dead, 'virtualinux node fence node01'");
        Refuse(san, In(san, 2).UnfenceAsync(Node(3)), "in use on node01");
        Refuse(san, In(san, 2).RefuseBorrowedAsync(Node(3)), "in use on node01");
        // An older release has let it in all the same.
        var fences = Done(san, In(san, 2).ReadFencesAsync());
        Assert.True(Done(san, san.For(2).ReplaceBlockAsync(SharedBlock.Fences, fences.ToBytes(512), fences.With(Node(3), false).ToBytes(512))));
        Refuse(san, In(san, 4).EnterAsync("node03", Node(3), reserves: true), "in use on node01");
        Done(san, In(san, 2).FenceAsync(canFence ? own[1] : null, Node(3)));

        Assert.True(Done(san, In(san, 1).ReturnAsync(own[0], Node(3))));
        Assert.False(Done(san, In(san, 1).ReturnAsync(own[0], Node(3))));
        Done(san, In(san, 2).BorrowAsync(own[1], Node(3), BorrowKind.Write));
        Assert.False(Done(san, In(san, 1).ReturnAsync(own[0], Node(3))));
        Assert.True(Done(san, In(san, 2).ReturnAsync(own[1], Node(3))));
        Done(san, In(san, 2).UnfenceAsync(Node(3)));
        Done(san, In(san, 5).EnterAsync("node03", Node(3), reserves: true));
    }

    [Theory, InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public void What_a_helper_used_is_free_when_the_helper_is_fenced_or_has_booted_again(bool canFence, bool boots)
    {
        var (san, own) = Started(canFence);
        Done(san, In(san, 1).FenceAsync(canFence ? own[0] : null, Node(3)));
        Done(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Write));
        if (boots) Done(san, In(san, 4).EnterAsync("node01", Node(1), reserves: true));
        else Done(san, In(san, 2).FenceAsync(canFence ? own[1] : null, Node(1)));
        Done(san, In(san, 2).BorrowAsync(own[1], Node(3), BorrowKind.Write));
        Assert.Equal(new Borrow(Node(3), own[1], BorrowKind.Write), Assert.Single(Borrows(san)));
    }

    [Fact]
    public void A_helper_that_has_booted_again_with_an_older_release_uses_nothing_any_more()
    {
        var (san, own) = Started(canFence: true);
        Done(san, In(san, 1).FenceAsync(own[0], Node(3)));
        Done(san, In(san, 2).BorrowAsync(own[1], Node(3), BorrowKind.Write));
        Done(san, san.For(2).RegisterAsync(default));
        // That its key is gone may be the array's loss; a later boot is its end.
        Done(san, san.For(1).RegisterAsync(own[0]));
        Refuse(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Write), "in use on node02");
        Done(san, san.For(4).RegisterAsync(new ReservationKey(Node(2), (ushort)(own[1].Boot + 1))));
        Done(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Write));
    }

    [Fact]
    public void A_node_may_start_while_its_volumes_are_read_and_who_reads_them_learns_it()
    {
        var (san, own) = Started(canFence: true);
        Refuse(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Read), "node03 is registered with the SAN and may write its volumes; shut it out with 'virtualinux node fence node03'");
        Done(san, In(san, 1).FenceAsync(own[0], Node(3)));
        for (var time = 0; time < 2; time++) Done(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Read)); // the first was broken off
        Refuse(san, In(san, 2).BorrowAsync(own[1], Node(3), BorrowKind.Write), "a backup on node01 reads the volumes of node03");
        Refuse(san, In(san, 2).RefuseBorrowedAsync(b => b.Node == Node(3)), "a backup on node01 reads");
        Done(san, In(san, 2).RefuseBorrowedAsync(Node(3)));
        Done(san, In(san, 2).UnfenceAsync(Node(3)));
        Done(san, In(san, 4).EnterAsync("node03", Node(3), reserves: true));
        // Also when it is shut out again before the reader has come to the end.
        Done(san, In(san, 2).FenceAsync(own[1], Node(3)));
        Assert.False(Done(san, In(san, 1).ReturnAsync(own[0], Node(3))));

        // A release that does not know that it is read is found out by its key.
        Done(san, In(san, 1).BorrowAsync(own[0], Node(3), BorrowKind.Read));
        Done(san, san.For(5).RegisterAsync(new ReservationKey(Node(3), 99)));
        Assert.False(Done(san, In(san, 1).ReturnAsync(own[0], Node(3))));
        Assert.Empty(Borrows(san));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Whatever_happens_a_volume_has_one_writer_and_who_reads_it_reads_what_nobody_writes(bool canFence)
    {
        var (mounts, reads, refused) = (0, 0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var site = new Site(seed, canFence);
            site.Run();
            (mounts, reads, refused) = (mounts + site.Mounts, reads + site.Reads, refused + site.Refused);
        }
        Assert.True(mounts > Seeds && refused > Seeds && (reads > Seeds / 4 || !canFence), $"{mounts} mounts, {reads} reads, {refused} refusals");
    }

    /// <summary>Three nodes that fence each other, let each other in, and use each other's volumes. A machine is one boot of a node.</summary>
    private sealed class Site(int seed, bool canFence)
    {
        private readonly SimulatedSan _san = new(seed) { CanFence = canFence };
        private readonly Dictionary<int, int> _nodeOf = [];
        private readonly HashSet<int> _stalled = [], _off = [], _watched = [];
        // By node: which machines have its volumes mapped for writing, and how often they were written.
        private readonly Dictionary<int, HashSet<int>> _writers = new() { [1] = [], [2] = [], [3] = [] };
        private readonly Dictionary<int, int> _versions = new() { [1] = 0, [2] = 0, [3] = 0 };
        private readonly List<Task> _tasks = [];
        private int _machines;

        public int Mounts { get; private set; }

        public int Reads { get; private set; }

        public int Refused { get; private set; }

        public void Run()
        {
            for (var node = 1; node <= 3; node++) Boot(node);
            var steps = 0;
            _san.Run(() =>
            {
                if (_san.Next(12) == 0) Happen();
                if (_tasks.FirstOrDefault(t => t.IsFaulted) is { } failed) Assert.Fail($"seed {seed}: {failed.Exception!.InnerException}");
                return ++steps > Chaos;
            });
        }

        private void Happen()
        {
            var machine = Alive().ElementAtOrDefault(_san.Next(3));
            switch (_san.Next(6))
            {
                case 0 when machine > 0 && _stalled.Add(machine):
                    _san.Stop(machine);
                    break;
                case 1 or 2 when _stalled.Count > 0:
                    var revived = _stalled.First();
                    _stalled.Remove(revived);
                    _san.Revive(revived);
                    break;
                case 3 when machine > 0:
                    Off(machine);
                    break;
                case 4 or 5:
                    foreach (var node in (int[])[1, 2, 3])
                        if (!IsOn(node) && !_watched.Contains(node) && _san.Next(2) == 0) Boot(node);
                    break;
            }
        }

        private IEnumerable<int> Alive() => _nodeOf.Keys.Where(m => !_off.Contains(m));

        private bool IsOn(int node) => Alive().Any(m => _nodeOf[m] == node);

        private void Off(int machine)
        {
            _off.Add(machine);
            _stalled.Remove(machine);
            _san.Forget(machine);
        }

        private void Boot(int node)
        {
            _nodeOf[++_machines] = node;
            _tasks.Add(RunAsync(_machines, node));
        }

        private async Task RunAsync(int machine, int node)
        {
            var disk = _san.For(machine);
            var exclusion = new Exclusion(disk);
            ReservationKey own;
            while (true)
                try
                {
                    own = await exclusion.EnterAsync($"node0{node}", Node(node), reserves: true) ?? new ReservationKey(Node(node), 0);
                    await Map(machine, node);
                    break;
                }
                catch (FailureException)
                {
                    await Pause(machine); // it is shut out, and tries again
                }
            while (!_off.Contains(machine))
            {
                if (canFence && !(await disk.ReadKeysAsync()).Contains(own))
                {
                    // It was fenced, and restarts.
                    Off(machine);
                    Boot(node);
                    return;
                }
                try
                {
                    await ActAsync(machine, node, own, exclusion);
                }
                catch (FailureException)
                {
                    Refused++;
                }
                await Pause(machine);
            }
        }

        private async Task ActAsync(int machine, int node, ReservationKey own, Exclusion exclusion)
        {
            var other = (node + _san.Next(2)) % 3 + 1;
            switch (_san.Next(7))
            {
                case 0:
                    await Write(machine, node);
                    break;
                case 1 when canFence:
                    await exclusion.FenceAsync(own, Node(other));
                    break;
                case 1 when !IsOn(other) && _watched.Add(other):
                    // Somebody stands before it, and sees that it stays off until that is noted.
                    try
                    {
                        await exclusion.FenceAsync(null, Node(other));
                    }
                    finally
                    {
                        _watched.Remove(other);
                    }
                    break;
                case 2:
                    await exclusion.UnfenceAsync(Node(other));
                    break;
                case 3 or 4 or 5:
                    await MountAsync(machine, own, other, exclusion);
                    break;
                case 6 when canFence:
                    await ReadAsync(machine, own, other, exclusion);
                    break;
            }
        }

        /// <summary>As <c>FencedNode</c> does it.</summary>
        private async Task MountAsync(int machine, ReservationKey own, int other, Exclusion exclusion)
        {
            await exclusion.BorrowAsync(own, Node(other), BorrowKind.Write);
            await Map(machine, other);
            Mounts++;
            for (var time = _san.Next(4); time > 0; time--) await Write(machine, other);
            await _san.Happen(machine, () => _writers[other].Remove(machine));
            await exclusion.ReturnAsync(own, Node(other));
        }

        /// <summary>As a backup does it.</summary>
        private async Task ReadAsync(int machine, ReservationKey own, int other, Exclusion exclusion)
        {
            await exclusion.BorrowAsync(own, Node(other), BorrowKind.Read);
            var before = await _san.Happen(machine, () => _versions[other]);
            for (var time = _san.Next(6); time > 0; time--) await Pause(machine);
            var after = await _san.Happen(machine, () => _versions[other]);
            if (!await exclusion.ReturnAsync(own, Node(other))) return;
            Assert.True(before == after, $"seed {seed}: machine {machine} reads what is written");
            Reads++;
        }

        private Task<bool> Map(int machine, int volume) => _san.Happen(machine, () =>
        {
            See(machine, volume);
            return _writers[volume].Add(machine);
        });

        private Task<bool> Write(int machine, int volume) => _san.Happen(machine, () =>
        {
            See(machine, volume);
            _versions[volume]++;
            return true;
        });

        /// <summary>A machine that the SAN lets write is the only one, and where the volume is another node's, that one is shut out.</summary>
        private void See(int machine, int volume)
        {
            if (!_san.TakesWriteOf(machine)) throw new FailureException("reservation conflict");
            if (_writers[volume].Where(m => m != machine && !_off.Contains(m) && _san.TakesWriteOf(m)).ToList() is { Count: > 0 } writers) Assert.Fail($"seed {seed}: machine {machine} writes the volumes of node0{volume} beside {string.Join(", ", writers)}");
            Assert.True(FenceBlock.TryRead(_san.Peek(SharedBlock.Fences), out var fences));
            if (_nodeOf[machine] != volume && !fences.Nodes.Contains(Node(volume))) Assert.Fail($"seed {seed}: machine {machine} writes the volumes of node0{volume}, which may boot");
        }

        private Task Pause(int machine) => Task.Delay(TimeSpan.FromMilliseconds(1), _san.Clock(machine));
    }

    /// <summary>An array with three nodes that run, each the machine of its number, and their keys.</summary>
    private static (SimulatedSan San, IReadOnlyList<ReservationKey> Keys) Started(bool canFence)
    {
        var san = new SimulatedSan(1) { CanFence = canFence };
        return (san, [.. Enumerable.Range(1, 3).Select(n => Done(san, In(san, n).EnterAsync($"node0{n}", Node(n), reserves: true)) ?? new ReservationKey(Node(n), 0))]);
    }

    private static Exclusion In(SimulatedSan san, int machine) => new(san.For(machine)) { NameOf = address => $"node{address.Value - Node(0).Value:00}" };

    private static IReadOnlyList<Borrow> Borrows(SimulatedSan san)
    {
        Assert.True(BorrowBlock.TryRead(san.Peek(SharedBlock.Borrows), out var block));
        return block.Borrows;
    }

    private static void Refuse(SimulatedSan san, Task task, string why)
    {
        san.Run(() => task.IsCompleted);
        Assert.Contains(why, Assert.IsType<FailureException>(task.Exception?.InnerException).Message, StringComparison.Ordinal);
    }

    private static Ipv4Address Node(int number) => new(0xC0A8_4D0A + (uint)number);

    private static T Done<T>(SimulatedSan san, Task<T> task)
    {
        Done(san, (Task)task);
        return task.GetAwaiter().GetResult();
    }

    private static void Done(SimulatedSan san, Task task)
    {
        san.Run(() => task.IsCompleted);
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }
}
