namespace VirtuaLinux.Install;

/// <summary>The metamaster's decisions: state and event in, state and actions out; no clock, socket or file.</summary>
public static class InstallMachine
{
    /// <summary>What follows from an event. An event that does not fit the state changes nothing.</summary>
    public static (InstallState State, IReadOnlyList<InstallAction> Actions) Next(InstallState state, InstallEvent happened)
    {
        ArgumentNullException.ThrowIfNull(state);
        return (state.Phase, happened) switch
        {
            (InstallPhase.Inspect or InstallPhase.Confirm, InstallEvent.SanInspected { Content: SanContent.Blank }) => (state with { Phase = InstallPhase.Confirm }, [new InstallAction.Ask(null)]),
            (InstallPhase.Inspect or InstallPhase.Confirm, InstallEvent.SanInspected { Content: SanContent.Foreign foreign }) => (state with { Phase = InstallPhase.Confirm }, [new InstallAction.Ask(foreign.Description)]),
            (InstallPhase.Inspect or InstallPhase.Confirm, InstallEvent.SanInspected { Content: SanContent.Ours ours }) => Found(state, ours),
            // The journal can only be written behind the partition table, so the first step stands before it.
            (InstallPhase.Confirm, InstallEvent.Confirmed yes) => (state with { Phase = InstallPhase.Install, Journal = NewJournal(state, yes.SiteId) }, [new InstallAction.Run(InstallStep.Partition)]),
            (InstallPhase.Confirm, InstallEvent.Refused) when state.IsFinished => (state with { Phase = InstallPhase.Choose }, [new InstallAction.Offer()]),
            (InstallPhase.Confirm, InstallEvent.Refused) => End(state, new InstallAction.Stop("nothing was written, as you said; start again to see the plan again")),
            (InstallPhase.Choose, InstallEvent.Chosen { Choice: SiteChoice.StartNode }) => End(state, new InstallAction.StartNode()),
            (InstallPhase.Choose, InstallEvent.Chosen { Choice: SiteChoice.Reinstall }) => (state with { Phase = InstallPhase.Confirm }, [new InstallAction.Ask($"site '{state.Site}' (finished)", state.Site)]),
            (InstallPhase.Choose, InstallEvent.Chosen chosen) => (state, [new InstallAction.Carry(chosen.Choice)]),
            (InstallPhase.Choose, InstallEvent.ChoiceDone) => (state, [new InstallAction.Offer()]),
            (InstallPhase.Install, InstallEvent.StepDone done) when done.Step == state.Journal!.Step => After(state, done),
            _ => (state, []),
        };
    }

    private static (InstallState, IReadOnlyList<InstallAction>) Found(InstallState state, SanContent.Ours ours)
    {
        var journal = ours.Journal;
        if (journal.Site != state.Site)
            return (state with { Phase = InstallPhase.Confirm }, [journal.Step == InstallStep.Done
                ? new InstallAction.Ask($"site '{journal.Site}' (finished)", journal.Site)
                : new InstallAction.Ask($"site '{journal.Site}' (interrupted at {journal.Step})")]);
        if (journal.Step == InstallStep.Move)
            return End(state, new InstallAction.Stop($"site '{journal.Site}' is being moved to this LUN, begun by {journal.Holder}; to go on, name the array that it comes from under formerSan: in the site file. Until the move has ended the site is on that array: with it under san: the machine starts from there, or says that the site has left"));
        if (journal.Step == InstallStep.Done) return (state with { Phase = InstallPhase.Choose, IsFinished = true }, [new InstallAction.Offer()]);
        if (ours.HolderIsAlive && journal.Holder != state.Node) return (state, [new InstallAction.Wait($"{journal.Holder} holds the journal and is alive, at step {journal.Step}")]);
        if (journal.RootDigest != state.RootDigest)
            return End(state, new InstallAction.Stop($"the installation of site '{journal.Site}' was begun with image {journal.Image}, and this medium carries {state.Image}; go on with the medium it was begun with, or wipe the LUN's partition table to begin anew"));
        // The site file may name machines that it did not name before: their volumes and the manifest follow it until the site is finished.
        var step = journal.Step > InstallStep.CreateRoots ? InstallStep.CreateRoots : journal.Step;
        var taken = journal with { Holder = state.Node, Step = step, Times = [.. journal.Times.Where(t => t.Step < step)] };
        return (state with { Phase = InstallPhase.Install, Journal = taken }, [new InstallAction.WriteJournal(taken), new InstallAction.Run(taken.Step)]);
    }

    private static (InstallState, IReadOnlyList<InstallAction>) After(InstallState state, InstallEvent.StepDone done)
    {
        var journal = state.Journal! with { Step = done.Step + 1, Times = [.. state.Journal.Times, new StepTime(done.Step, done.Seconds)] };
        return journal.Step == InstallStep.Done
            ? (state with { Phase = InstallPhase.End, Journal = journal }, [new InstallAction.WriteJournal(journal), new InstallAction.Reboot()])
            : (state with { Journal = journal }, [new InstallAction.WriteJournal(journal), new InstallAction.Run(journal.Step)]);
    }

    private static Journal NewJournal(InstallState state, Guid siteId) => new()
    {
        Site = state.Site,
        SiteId = siteId,
        Image = state.Image,
        RootDigest = state.RootDigest,
        Step = InstallStep.Partition,
        Holder = state.Node,
    };

    private static (InstallState, IReadOnlyList<InstallAction>) End(InstallState state, InstallAction action) => (state with { Phase = InstallPhase.End }, [action]);
}
