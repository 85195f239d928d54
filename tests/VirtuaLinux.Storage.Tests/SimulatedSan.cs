using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>A LUN as SPC-4 and SBC-3 describe it, and the order in which what several machines ask of it happens: a seed decides.</summary>
internal sealed class SimulatedSan(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<(int Machine, Action Step)> _pending = [];
    private readonly List<(int Machine, Task Program)> _watched = [];
    private readonly Dictionary<int, ReservationKey> _keys = [];
    private readonly Dictionary<SharedBlock, byte[]> _blocks = new() { [SharedBlock.Lease] = new byte[512], [SharedBlock.Fences] = new byte[512], [SharedBlock.Move] = new byte[512], [SharedBlock.Serving] = new byte[512], [SharedBlock.Borrows] = new byte[512] };
    private readonly Random _pace = new(seed + 1);
    private readonly HashSet<int> _dead = [];
    private readonly HashSet<int> _names = [];
    private int? _holder;
    private bool _isReserved;

    public IReadOnlyCollection<ReservationKey> Keys => _keys.Values;

    /// <summary>How long it has run: between two things that happen nothing may pass, or a minute.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Changes of registrations since its start.</summary>
    public uint Generation { get; private set; }

    /// <summary>It begins anew, and has lost what it had promised to keep.</summary>
    public void LoseRegistrations()
    {
        _keys.Clear();
        _names.Clear();
        (_isReserved, _holder, Generation) = (false, null, 0);
    }

    /// <summary>Whether the array lasts through its own loss of power.</summary>
    public bool CanFence { get; init; } = true;

    /// <summary>As Linux's target does it: whether somebody is registered is noted by initiator name, which machines have in common whose numbers differ by hundreds; only who holds the reservation is not asked.</summary>
    public bool CountsByName { get; init; }

    /// <summary>What a block holds now.</summary>
    public ReadOnlySpan<byte> Peek(SharedBlock block) => _blocks[block];

    public ISharedDisk For(int machine) => new Port(this, machine);

    public TimeProvider Clock(int machine) => new StepClock(this, machine);

    /// <summary>What a machine asks for from now on does not happen until <see cref="Revive"/>.</summary>
    public void Stop(int machine) => _dead.Add(machine);

    public void Revive(int machine) => _dead.Remove(machine);

    /// <summary>Machine off: what it was about to ask for never happens.</summary>
    public void Forget(int machine)
    {
        lock (_pending) _pending.RemoveAll(p => p.Machine == machine);
        _watched.RemoveAll(w => w.Machine == machine);
        _dead.Remove(machine);
    }

    /// <summary>Whether the SAN takes a write of a machine now.</summary>
    public bool TakesWriteOf(int machine) => !_isReserved || (_keys.ContainsKey(machine) && IsCounted(machine));

    private bool IsCounted(int machine) => !CountsByName || machine == _holder || _names.Contains(machine % 100);

    private void Remove(int machine)
    {
        if (!_keys.Remove(machine)) return;
        _names.Remove(machine % 100);
        if (_holder == machine) _holder = _keys.Count > 0 ? _keys.Keys.First() : null;
        _isReserved &= _keys.Count > 0; // with the last registrant its reservation ends
    }

    /// <summary>Lets things happen, one at a time, until nothing is left or <paramref name="isEnough"/>.</summary>
    public void Run(Func<bool>? isEnough = null)
    {
        for (var step = 0; step < 100_000; step++)
        {
            Settle();
            if (isEnough?.Invoke() ?? false) return;
            if (Take() is not { } next) return;
            Now += TimeSpan.FromMilliseconds(_pace.Next(200) == 0 ? _pace.Next(60_000) : _pace.Next(200));
            next();
        }
    }

    /// <summary>Nothing happens while a program that this machine runs is busy with its own files: it has to ask for something, or to come to an end.</summary>
    public void Watch(int machine, Task program) => _watched.Add((machine, program));

    private void Settle()
    {
        foreach (var programs in _watched.GroupBy(w => w.Machine, w => w.Program))
            if (!SpinWait.SpinUntil(() => programs.Count(p => !p.IsCompleted) <= Asks(programs.Key), TimeSpan.FromMinutes(1))) throw new TimeoutException($"machine {programs.Key} neither asks for anything nor comes to an end");
    }

    private int Asks(int machine)
    {
        lock (_pending) return _pending.Count(p => p.Machine == machine);
    }

    private Action? Take()
    {
        lock (_pending)
        {
            var ready = _pending.Where(p => !_dead.Contains(p.Machine)).ToList();
            if (ready.Count == 0) return null;
            var next = ready[_random.Next(ready.Count)];
            _pending.Remove(next);
            return next.Step;
        }
    }

    private void Ask(int machine, Action step)
    {
        lock (_pending) _pending.Add((machine, step));
    }

    public int Next(int below) => _random.Next(below);

    /// <summary>What a machine asks for: it happens some time.</summary>
    public Task<T> Happen<T>(int machine, Func<T> command)
    {
        var done = new TaskCompletionSource<T>();
        Ask(machine, () =>
        {
            T result;
            try
            {
                result = command();
            }
            catch (Host.FailureException e)
            {
                done.SetException(e);
                return;
            }
            done.SetResult(result);
        });
        return done.Task;
    }

    private sealed class Port(SimulatedSan san, int machine) : ISharedDisk
    {
        public Task<bool> CanFenceAsync(CancellationToken cancellationToken) => Task.FromResult(san.CanFence);

        public Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken) => san.Happen<IReadOnlyList<ReservationKey>>(machine, () => [.. san._keys.Values]);

        public Task RegisterAsync(ReservationKey key, CancellationToken cancellationToken) => san.Happen(machine, () =>
        {
            san.Generation++;
            if (key == default)
            {
                san.Remove(machine);
                return true;
            }
            if (san._keys.TryAdd(machine, key)) san._names.Add(machine % 100);
            san._keys[machine] = key;
            return true;
        });

        public Task ReserveAsync(ReservationKey own, CancellationToken cancellationToken) => san.Happen(machine, () =>
        {
            Own(own);
            san._holder ??= machine;
            return san._isReserved = true;
        });

        public async Task<bool> ConfirmAsync(ReservationKey own, CancellationToken cancellationToken)
        {
            if (!san.CountsByName || await san.Happen(machine, () => !san._isReserved || san.IsCounted(machine))) return false;
            foreach (var key in (ReservationKey[])[default, own]) await RegisterAsync(key, cancellationToken);
            return true;
        }

        public Task PreemptAsync(ReservationKey own, ReservationKey victim, CancellationToken cancellationToken) => san.Happen(machine, () =>
        {
            Own(own);
            san.Generation++;
            foreach (var (other, key) in san._keys.ToList())
                if (key == victim && other != machine) san.Remove(other);
            return true;
        });

        public Task<byte[]> ReadBlockAsync(SharedBlock block, CancellationToken cancellationToken) => san.Happen(machine, () => san._blocks[block]);

        public Task<bool> ReplaceBlockAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken) => san.Happen(machine, () =>
        {
            if (!san.TakesWriteOf(machine)) throw new Host.FailureException("reservation conflict");
            if (!san._blocks[block].AsSpan().SequenceEqual(old)) return false;
            san._blocks[block] = next;
            return true;
        });

        private bool Own(ReservationKey key) => san._keys.GetValueOrDefault(machine) == key && (!san._isReserved || san.IsCounted(machine)) ? true : throw new Host.FailureException("reservation conflict");
    }

    /// <summary>A pause ends whenever the seed lets it; the time it shows is that of a machine that never waits long.</summary>
    private sealed class StepClock(SimulatedSan san, int machine) : TimeProvider
    {
        public override long GetTimestamp() => 0;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            san.Ask(machine, () => callback(state));
            return new Nothing();
        }

        private sealed class Nothing : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
