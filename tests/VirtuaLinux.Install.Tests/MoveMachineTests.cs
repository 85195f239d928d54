using CsCheck;

namespace VirtuaLinux.Install.Tests;

/// <summary>A site's move on two simulated LUNs: the power is cut before, in the middle of, and after every action, and nodes start from whichever LUN is the site.</summary>
public sealed class MoveMachineTests
{
    private static readonly string[] s_volumes = ["debian-13_1", "node01_meta", "node01_data", "node01_local"];

    [Fact]
    public void A_move_that_lost_power_anywhere_ends_as_one_that_did_not_and_one_array_is_the_site_at_every_instant()
    {
        var undisturbed = new Arrays();
        var length = Run(undisturbed, int.MaxValue);
        Assert.True(undisturbed.IsDone);
        for (var first = 0; first < length; first++)
            for (var second = 0; second < length; second++)
            {
                var arrays = new Arrays();
                Run(arrays, first);
                Run(arrays, second);
                Run(arrays, int.MaxValue);
                Assert.Equal(undisturbed.Content(), arrays.Content());
            }
    }

    [Fact]
    public void What_nodes_write_to_the_old_array_while_the_site_is_there_is_on_the_new_one_when_it_is_there() =>
        Gen.Select(Gen.Int[0, 40].Array[0, 6], Gen.Int[0, 60].Array[0, 4], Gen.Int[0, 3]).Sample((cuts, starts, volume) =>
        {
            var arrays = new Arrays();
            var halves = 0;
            foreach (var cut in (int[])[.. cuts, int.MaxValue])
                Run(arrays, cut, () =>
                {
                    // Between any two halves of actions somebody may start from the old array, if that is the site, and write.
                    if (starts.Contains(halves++) && arrays.IsOldTheSite) arrays.StartNode(s_volumes[volume]);
                });
            Assert.True(arrays.IsDone);
            Assert.Equal(arrays.Written, arrays.Copied);
        }, iter: 3000);

    [Fact]
    public void A_copy_that_somebody_started_under_is_made_anew_and_one_that_nobody_did_goes_on()
    {
        var copy = Guid.NewGuid();
        var half = new MoveRecord { Copy = copy, From = "old", Volumes = s_volumes, Copied = [new CopiedVolume(s_volumes[0], "d")] };
        Assert.Equal(new MoveAction.Copy(s_volumes[1]), MoveMachine.Next(new MoveView(false, copy, half, false)));
        Assert.Equal(new MoveAction.Renew(), MoveMachine.Next(new MoveView(false, Guid.Empty, half, false)));
        var anew = half.Renew(Guid.NewGuid());
        Assert.Equal(new MoveAction.Mark(anew.Copy), MoveMachine.Next(new MoveView(false, Guid.Empty, anew, false)));
        // Whatever the record says, a site that has left is not copied again.
        Assert.Equal(new MoveAction.Arrive(), MoveMachine.Next(new MoveView(true, Guid.Empty, half with { IsStaged = true }, false)));
    }

    /// <summary>Moves until the end, or until the power is cut before the n-th half action; returns the number of half actions.</summary>
    private static int Run(Arrays arrays, int cutAt, Action? between = null)
    {
        var halves = 0;
        while (MoveMachine.Next(arrays.Look()) is { } action)
            for (var half = 0; half < 2; half++)
            {
                if (halves++ == cutAt) return halves;
                between?.Invoke();
                if (!arrays.Perform(action, complete: half == 1)) break;
                arrays.Check();
            }
        return halves;
    }

    private sealed class Arrays
    {
        private readonly Dictionary<string, int> _old = s_volumes.ToDictionary(v => v, _ => 1);
        private readonly Dictionary<string, int> _new = [];
        private bool _hasLeft, _isStaged, _hasArrived;
        private Guid _mark;
        private MoveRecord? _record;

        public IEnumerable<int> Written => s_volumes.Select(v => _old[v]);

        public IEnumerable<int> Copied => s_volumes.Select(v => _new.GetValueOrDefault(v));

        public bool IsOldTheSite => !_hasLeft;

        public bool IsDone => _hasLeft && _hasArrived && _record is null;

        public MoveView Look() => new(_hasLeft, _hasLeft ? Guid.Empty : _mark, _record, _hasArrived);

        public IEnumerable<string> Content() => [.. _new.OrderBy(c => c.Key).Select(c => $"{c.Key}={c.Value}"), $"{_hasLeft} {_isStaged} {_hasArrived} {_record}"];

        public void StartNode(string volume)
        {
            _mark = Guid.Empty;
            _old[volume]++;
        }

        /// <summary>Nobody starts from the new array while the old one is the site, and what is there when the site has left is all of it.</summary>
        public void Check()
        {
            Assert.False(_hasArrived && !_hasLeft);
            Assert.True(!_hasLeft || _isStaged && Written.SequenceEqual(Copied));
        }

        /// <summary>Does an action, or the half of it that its last write does not belong to.</summary>
        /// <returns>False when it was refused.</returns>
        public bool Perform(MoveAction action, bool complete)
        {
            switch (action)
            {
                case MoveAction.Partition:
                    (_record, _isStaged, _hasArrived) = (complete ? new MoveRecord { Copy = Guid.NewGuid(), From = "old" } : null, false, false);
                    break;
                case MoveAction.Mark mark when complete:
                    _mark = mark.Identifier;
                    break;
                case MoveAction.Renew when complete:
                    _record = _record!.Renew(Guid.NewGuid());
                    break;
                case MoveAction.MakeVolumes:
                    _new.Clear();
                    if (complete) _record = _record! with { Volumes = s_volumes };
                    break;
                case MoveAction.Copy copy:
                    // What was read counts, whatever happens to it before that is noted.
                    if (!complete) _new[copy.Volume] = _old[copy.Volume];
                    else _record = _record! with { Copied = [.. _record.Copied, new CopiedVolume(copy.Volume, "d")] };
                    break;
                case MoveAction.Stage:
                    _isStaged = true;
                    if (complete) _record = _record! with { IsStaged = true };
                    break;
                case MoveAction.Leave when _mark != _record!.Copy:
                    return false;
                case MoveAction.Leave when complete:
                    _hasLeft = true;
                    break;
                case MoveAction.Arrive when complete:
                    _hasArrived = true;
                    break;
                case MoveAction.Finish when complete:
                    _record = null;
                    break;
            }
            return true;
        }
    }
}
