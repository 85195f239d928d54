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
    public void A_finished_site_starts_a_node_and_is_never_reinstalled()
    {
        var (state, actions) = InstallMachine.Next(Start, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted with { Step = InstallStep.Done, RootDigest = "older" }, true)));
        Assert.Equal(InstallPhase.End, state.Phase);
        Assert.Equal([new InstallAction.StartNode()], actions);
    }

    [Fact]
    public void An_interrupted_installation_goes_on_at_its_step_under_a_new_holder()
    {
        var (_, actions) = InstallMachine.Next(Start with { Node = "node02" }, new InstallEvent.SanInspected(new SanContent.Ours(Interrupted, HolderIsAlive: false)));
        Assert.Equal([new InstallAction.WriteJournal(Interrupted with { Holder = "node02" }), new InstallAction.Run(InstallStep.WriteOrigin)], actions);
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

    [Fact]
    public void An_end_of_a_step_that_is_not_under_way_changes_nothing()
    {
        var running = Start with { Phase = InstallPhase.Install, Journal = Interrupted };
        Assert.Equal((running, []), InstallMachine.Next(running, new InstallEvent.StepDone(InstallStep.CreateRoots, 1)));
    }
}
