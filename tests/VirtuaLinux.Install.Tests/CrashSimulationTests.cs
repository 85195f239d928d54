using VirtuaLinux.Model;

namespace VirtuaLinux.Install.Tests;

/// <summary>The state machine on a simulated SAN, with the power cut before, in the middle of, and after every action.</summary>
public sealed class CrashSimulationTests
{
    [Fact]
    public void A_metamaster_that_lost_power_anywhere_ends_in_the_same_site()
    {
        var undisturbed = new SimulatedSan();
        var length = Run(undisturbed, "node01", crashAt: int.MaxValue);
        Assert.True(undisturbed.Rebooted);
        for (var crash = 0; crash < length; crash++)
        {
            var san = new SimulatedSan();
            Run(san, "node01", crash);
            Run(san, "node01", int.MaxValue);
            Assert.Equal(undisturbed.Content(), san.Content());
        }
    }

    [Fact]
    public void Two_power_cuts_and_another_machine_end_in_the_same_site()
    {
        var undisturbed = new SimulatedSan();
        var length = Run(undisturbed, "node01", int.MaxValue);
        for (var first = 0; first < length; first++)
            for (var second = 0; second < length; second++)
            {
                var san = new SimulatedSan();
                Run(san, "node01", first);
                Run(san, "node02", second);
                Run(san, "node03", int.MaxValue);
                Assert.Equal(undisturbed.Content(), san.Content());
            }
    }

    [Fact]
    public void No_step_that_writes_runs_after_the_site_is_finished()
    {
        var san = new SimulatedSan();
        Run(san, "node01", int.MaxValue);
        var writes = san.Writes;
        Run(san, "node01", int.MaxValue);
        Assert.Equal(writes, san.Writes);
        Assert.True(san.StartedNode);
    }

    /// <summary>Runs a metamaster until it ends or loses power before its n-th half action; returns the number of half actions.</summary>
    private static int Run(SimulatedSan san, string node, int crashAt)
    {
        var state = new InstallState { Site = "blade16", Node = node, Image = ImageVersion.Parse("debian-13@1"), RootDigest = "d1" };
        InstallEvent? happened = new InstallEvent.SanInspected(san.Inspect());
        var halves = 0;
        while (happened is not null)
        {
            (state, var actions) = InstallMachine.Next(state, happened);
            Assert.NotEmpty(actions);
            happened = null;
            foreach (var action in actions)
            {
                for (var half = 0; half < 2; half++)
                {
                    if (halves++ == crashAt) return halves;
                    san.Perform(action, complete: half == 1);
                }
                happened = action switch
                {
                    InstallAction.Ask => new InstallEvent.Confirmed(Guid.Empty),
                    InstallAction.Run run => new InstallEvent.StepDone(run.Step, 1),
                    InstallAction.Offer => new InstallEvent.Chosen(SiteChoice.StartNode),
                    _ => happened,
                };
            }
        }
        return halves;
    }

    /// <summary>A LUN that remembers what each step left, half or whole.</summary>
    private sealed class SimulatedSan
    {
        private readonly SortedDictionary<InstallStep, string> _content = [];
        private Journal? _journal;

        public bool Rebooted { get; private set; }

        public bool StartedNode { get; private set; }

        public int Writes { get; private set; }

        // Without a partition table there is no journal; a torn journal write leaves the older slot.
        public SanContent Inspect() => _content.ContainsKey(InstallStep.Partition) && _journal is not null ? new SanContent.Ours(_journal, false) : new SanContent.Blank();

        public IEnumerable<string> Content() => [.. _content.Select(c => $"{c.Key}={c.Value}"), $"journal {_journal?.Step}"];

        public void Perform(InstallAction action, bool complete)
        {
            switch (action)
            {
                case InstallAction.Run { Step: InstallStep.Partition }:
                    _journal = null;
                    _content.Clear();
                    Write(InstallStep.Partition, complete);
                    break;
                case InstallAction.Run run:
                    Assert.All(Enum.GetValues<InstallStep>().Where(s => s < run.Step), s => Assert.Equal("whole", _content[s]));
                    Write(run.Step, complete);
                    break;
                case InstallAction.WriteJournal write when complete:
                    _journal = write.Journal;
                    Writes++;
                    break;
                case InstallAction.Reboot:
                    Rebooted = true;
                    break;
                case InstallAction.StartNode:
                    StartedNode = true;
                    break;
            }
        }

        private void Write(InstallStep step, bool complete)
        {
            _content[step] = complete ? "whole" : "half";
            Writes++;
        }
    }
}
