using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node.Tests;

/// <summary>Machines that look at their registrations on a simulated array which answers, is silent, loses what it knew, and lets them be fenced, in every order that some thousand seeds bring about.</summary>
public sealed class FenceWatchTests
{
    private const int Machines = 3, Seeds = 3000, Steps = 60;

    [Fact]
    public void A_node_whose_key_was_taken_restarts_at_the_second_answer_and_says_why()
    {
        var san = new Array(0);
        san.Fence(2);
        san.Look(2);
        Assert.Null(san.Restarts[2]);
        san.Look(2);
        Assert.Contains("is gone from the SAN", san.Restarts[2], StringComparison.Ordinal);
        san.Settle();
        Assert.Null(san.Restarts[1]);
    }

    [Fact]
    public void A_SAN_that_does_not_answer_is_a_pause_however_long()
    {
        var san = new Array(0);
        san.Fence(2);
        san.IsSilent = true;
        for (var i = 0; i < 1000; i++) san.Look(2);
        san.IsSilent = false;
        san.Look(2);
        san.IsSilent = true;
        san.Look(2);
        san.IsSilent = false;
        san.Look(2);
        Assert.Null(san.Restarts[2]); // an answer, silence, an answer: not two in a row
        san.Look(2);
        Assert.NotNull(san.Restarts[2]);
    }

    [Fact]
    public void An_array_that_loses_its_registrations_gets_them_and_the_reservation_back_and_nobody_restarts()
    {
        var san = new Array(0);
        san.LoseRegistrations();
        san.Look(1);
        san.Look(1);
        Assert.True(san.IsRegistered(1));
        Assert.False(san.IsReserved); // the others have the time to come back
        san.Settle();
        Assert.True(san.IsReserved);
        Assert.All(Enumerable.Range(1, Machines), m => Assert.True(san.IsRegistered(m) && san.Restarts[m] is null));
    }

    [Fact]
    public void Where_somebody_is_fenced_a_lost_reservation_is_put_back_at_once()
    {
        var san = new Array(0);
        san.Fence(2);
        for (var look = 0; look < 2; look++) san.Look(1);
        san.LoseRegistrations();
        for (var look = 0; look < 3; look++) san.Look(1);
        Assert.True(san.IsReserved);
        san.Settle();
        Assert.NotNull(san.Restarts[2]);
        Assert.False(san.IsRegistered(2));
    }

    [Fact]
    public void Who_was_fenced_let_in_and_stood_still_meanwhile_does_not_come_back_through_an_array_that_lost_everything()
    {
        var san = new Array(0);
        san.Fence(2);
        san.Unfence(2);
        san.LoseRegistrations();
        for (var look = 0; look < 3; look++) san.Look(2);
        Assert.Contains("it cannot know whether it was one of them", san.Restarts[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_happens_in_whatever_order_only_who_was_shut_out_restarts_and_nobody_who_was_shut_out_stays()
    {
        var (restarted, registeredAgain) = (0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var san = new Array(seed);
            for (var step = 0; step < Steps; step++) san.Happen();
            san.IsSilent = false;
            san.Settle();
            for (var machine = 1; machine <= Machines; machine++)
            {
                if (san.WasShutOut(machine)) Assert.True(san.Restarts[machine] is not null && !san.IsRegistered(machine), $"seed {seed}: {machine} was shut out and is still there");
                else if (!san.HadFencing) Assert.True(san.Restarts[machine] is null && san.IsRegistered(machine), $"seed {seed}: {machine} restarted: {san.Restarts[machine]}");
            }
            restarted += san.Restarts.Values.Count(r => r is not null);
            registeredAgain += san.RegisteredAgain;
        }
        Assert.True(restarted > Seeds / 10 && registeredAgain > Seeds / 10, $"{restarted} {registeredAgain}");
    }

    private sealed class Array
    {
        private readonly Random _random;
        private readonly bool _fences, _replaces;
        private readonly Dictionary<int, ReservationKey> _keys = [], _boots = [];
        private readonly Dictionary<int, FenceWatch> _watches = [];
        private readonly HashSet<int> _shutOut = [];
        private uint _generation;
        private FenceBlock _fenceBlock = new(0, []);
        private bool _isQuiet;

        public Array(int seed)
        {
            _random = new Random(seed);
            (_fences, _replaces) = (seed % 2 == 0, seed % 4 == 0);
            for (var machine = 1; machine <= Machines; machine++)
            {
                var (number, key) = (machine, new ReservationKey(Node(machine), 1));
                Restarts[number] = null;
                _boots[number] = key;
                Set(number, key);
                _watches[number] = new FenceWatch(new Port(this, number), key, _ => { }, reason => Restarts[number] = reason);
            }
            IsReserved = true;
            foreach (var watch in _watches.Values) watch.Look();
        }

        public Dictionary<int, string?> Restarts { get; } = [];

        public int RegisteredAgain { get; private set; }

        public bool IsSilent { get; set; }

        public bool IsReserved { get; private set; }

        public bool HadFencing { get; private set; }

        public bool WasShutOut(int machine) => _shutOut.Contains(machine);

        public bool IsRegistered(int machine) => _keys.ContainsKey(machine);

        public void Look(int machine)
        {
            if (Restarts[machine] is null) _watches[machine].Look();
        }

        /// <summary>All machines look until nothing changes any more.</summary>
        public void Settle()
        {
            (_isQuiet, IsSilent) = (true, false);
            for (var look = 0; look < KeyWatch.GraceLooks + 10; look++)
                for (var machine = 1; machine <= Machines; machine++) Look(machine);
            _isQuiet = false;
        }

        /// <summary>As Exclusion does: noted first, then taken.</summary>
        public void Fence(int victim)
        {
            HadFencing = true;
            _shutOut.Add(victim);
            _fenceBlock = _fenceBlock.With(Node(victim), isFenced: true);
            Take(victim);
        }

        public void Unfence(int machine)
        {
            HadFencing = true;
            _fenceBlock = _fenceBlock.With(Node(machine), isFenced: false);
        }

        /// <summary>Another machine registers as a node, and takes the key of the one that was it.</summary>
        private void Replace(int machine)
        {
            HadFencing = true;
            _shutOut.Add(machine);
            Set(machine + Machines, new ReservationKey(Node(machine), 2));
            Take(machine);
        }

        public void LoseRegistrations()
        {
            _keys.Clear();
            (_generation, IsReserved) = (0, false);
        }

        /// <summary>Something.</summary>
        public void Happen() => Happen(_random.Next(Machines) + 1);

        private void Happen(int machine)
        {
            switch (_random.Next(20))
            {
                case 0 when _fences && Fencer(machine): Fence(machine); break;
                case 1 when _fences: Unfence(machine); break;
                case 2 when _replaces: Replace(machine); break;
                case 3 when !IsSilent:
                    // Once all have come back: sooner, its counter may have caught up with what they remember, and they restart to be safe.
                    if (_isQuiet) break;
                    Settle();
                    LoseRegistrations();
                    break;
                case 4: IsSilent = !IsSilent; break;
                default: Look(machine); break;
            }
        }

        /// <summary>Who fences is registered.</summary>
        private bool Fencer(int victim) => _keys.Any(k => k.Key != victim && k.Key <= Machines);

        private void Take(int victim)
        {
            if (_keys.Remove(victim)) _generation++;
        }

        private void Set(int machine, ReservationKey key)
        {
            _generation++;
            if (key == default) _keys.Remove(machine);
            else _keys[machine] = key;
        }

        private static Ipv4Address Node(int number) => new(0xC0A8_4D0A + (uint)number);

        private sealed class Port(Array san, int machine) : IRegistrar
        {
            public Registrations? Ask() => san.IsSilent ? null : new Registrations(san._generation, [.. san._keys.Values], san._fenceBlock);

            public bool Register(ReservationKey key)
            {
                // Between the question and what follows from it, others act.
                if (!san._isQuiet && san._random.Next(3) == 0)
                {
                    san._isQuiet = true;
                    san.Happen(machine % Machines + 1);
                    san._isQuiet = false;
                }
                if (san.IsSilent) return false;
                if (key != default) san.RegisteredAgain++;
                san.Set(machine, key);
                return true;
            }

            public bool Reserve(ReservationKey own) => san._keys.GetValueOrDefault(machine) == own && (san.IsReserved = true);
        }
    }
}
