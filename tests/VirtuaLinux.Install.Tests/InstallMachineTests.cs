using VirtuaLinux.Model;

namespace VirtuaLinux.Install.Tests;

public sealed class InstallMachineTests
{
    private static readonly InstallState Start = new() { Site = "blade16", Node = "node01", Image = ImageVersion.Parse("debian-13@1"), RootDigest = "d1" };

    private static readonly Journal Interrupted = new() { Site = "blade16", SiteId = Guid.Empty, Image = Start.Image, RootDigest = "d1", Step = InstallStep.WriteOrigin, Holder = "node01" };

    [Fact]
    public void A_blank_LUN_is_asked_about_and_nothing_is_written_before_the_yes()
    {
        var (state, actions) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Blank()));
        Assert.Equal([new InstallAction.Ask(null)], actions);
        Assert.Null(state.Journal);
    }

    [Fact]
    public void Foreign_data_is_named_in_the_question()
    {
        var (_, actions) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Foreign("TYPE=ext4")));
        Assert.Equal([new InstallAction.Ask("TYPE=ext4")], actions);
    }

    [Fact]
    public void A_no_ends_without_a_step()
    {
        var (asked, _) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Blank()));
        var (state, actions) = InstallMachine.Next(asked, new InstallEvent.Refused());
        Assert.Equal(InstallPhase.End, state.Phase);
        Assert.IsType<InstallAction.Stop>(Assert.Single(actions));
    }

    [Fact]
    public void A_finished_site_is_offered_and_a_start_of_the_node_ends_there()
    {
        var (offered, actions) = Offered();
        Assert.Equal([new InstallAction.Offer()], actions);
        var (state, next) = InstallMachine.Next(offered, new InstallEvent.Chosen(SiteChoice.StartNode));
        Assert.Equal(InstallPhase.End, state.Phase);
        Assert.Equal([new InstallAction.StartNode()], next);
    }

    [Theory]
    [InlineData(SiteChoice.ChangeSite)]
    [InlineData(SiteChoice.AddImage)]
    [InlineData(SiteChoice.Rescue)]
    public void What_is_done_on_a_finished_site_comes_back_to_the_offer(SiteChoice choice)
    {
        var (carrying, actions) = InstallMachine.Next(Offered().State, new InstallEvent.Chosen(choice));
        Assert.Equal([new InstallAction.Carry(choice)], actions);
        Assert.Equal([new InstallAction.Offer()], InstallMachine.Next(carrying, new InstallEvent.ChoiceDone()).Actions);
    }

    [Fact]
    public void A_reinstallation_names_the_finished_site_in_its_question()
    {
        var (asked, actions) = InstallMachine.Next(Offered().State, new InstallEvent.Chosen(SiteChoice.Reinstall));
        Assert.Equal([new InstallAction.Ask("site 'blade16' (finished)", "blade16")], actions);
        var (_, next) = InstallMachine.Next(asked, new InstallEvent.Confirmed(Guid.Empty));
        Assert.Equal([new InstallAction.Run(InstallStep.Partition)], next);
        Assert.Equal([new InstallAction.Offer()], InstallMachine.Next(asked, new InstallEvent.Refused()).Actions);
    }

    [Fact]
    public void A_finished_site_of_another_name_is_destroyed_only_by_that_name()
    {
        var (_, actions) = InstallMachine.Next(Start with { Site = "other" }, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted with { Step = InstallStep.Done }, false)));
        Assert.Equal("blade16", Assert.IsType<InstallAction.Ask>(Assert.Single(actions)).FinishedSite);
    }

    [Theory]
    [InlineData(InstallStep.CommitSite)]
    [InlineData(InstallStep.BringUpPeers)]
    [InlineData(InstallStep.HandOver)]
    public void An_interrupted_installation_takes_machines_over_that_were_written_into_the_site_file_since(InstallStep step)
    {
        var times = Enum.GetValues<InstallStep>().Where(s => s < step).Select(s => new StepTime(s, 1)).ToList();
        var (state, actions) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted with { Step = step, Times = times }, false)));
        Assert.Equal(new InstallAction.Run(InstallStep.CreateRoots), actions[^1]);
        Assert.All(state.Journal!.Times, t => Assert.True(t.Step < InstallStep.CreateRoots));
    }

    [Fact]
    public void An_interrupted_installation_goes_on_at_its_step_under_a_new_holder()
    {
        var (_, actions) = InstallMachine.Next(Start with { Node = "node02" }, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, HolderIsAlive: false)));
        Assert.Equal("node02", Assert.IsType<InstallAction.WriteJournal>(actions[0]).Journal.Holder);
        Assert.Equal(new InstallAction.Run(InstallStep.WriteOrigin), actions[1]);
    }

    [Fact]
    public void A_second_metamaster_waits_for_the_one_that_holds_the_journal()
    {
        var second = Start with { Node = "node02" };
        var (state, actions) = InstallMachine.Next(second, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, HolderIsAlive: true)));
        Assert.Contains("node01", Assert.IsType<InstallAction.Wait>(Assert.Single(actions)).Reason, StringComparison.Ordinal);
        Assert.Equal(second, state);
    }

    [Fact]
    public void The_holder_itself_does_not_wait_for_itself()
    {
        var (_, actions) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, HolderIsAlive: true)));
        Assert.Contains(new InstallAction.Run(InstallStep.WriteOrigin), actions);
    }

    [Fact]
    public void Another_image_does_not_continue_an_installation()
    {
        var (_, actions) = InstallMachine.Next(Start with { RootDigest = "d2" }, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, false)));
        Assert.IsType<InstallAction.Stop>(Assert.Single(actions));
    }

    [Fact]
    public void Another_site_on_the_LUN_is_foreign_data()
    {
        var (_, actions) = InstallMachine.Next(Start with { Site = "other" }, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, false)));
        Assert.Contains("blade16", Assert.IsType<InstallAction.Ask>(Assert.Single(actions)).Foreign, StringComparison.Ordinal);
    }

    private static (InstallState State, IReadOnlyList<InstallAction> Actions) Offered() =>
        InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted with { Step = InstallStep.Done, RootDigest = "older" }, true)));

    [Fact]
    public void An_end_of_a_step_that_is_not_under_way_changes_nothing()
    {
        var running = Start with { Phase = InstallPhase.Install, Journal = Interrupted };
        Assert.Equal((running, []), InstallMachine.Next(running, new InstallEvent.StepDone(InstallStep.CreateRoots, 1)));
    }
}
