namespace VirtuaLinux.Install;

/// <summary>The decisions of a site's move to another array: what both LUNs show in, the next action out. Each action may be cut at any instant and is done again, or not needed any more, when both are looked at then.</summary>
/// <remarks>
/// Where the site is, is one document on the array that it leaves: until <see cref="MoveAction.Leave"/> is on its medium it is there, from then on on the other one.
/// What is there by then says of itself that it is not the site yet, which <see cref="MoveAction.Arrive"/> only takes back.
/// </remarks>
public static class MoveMachine
{
    /// <summary>What follows; null when nothing is left to do.</summary>
    public static MoveAction? Next(MoveView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return view switch
        {
            { HasArrived: true, Record: null } => null,
            { HasArrived: true } => new MoveAction.Finish(),
            { HasLeft: true } => new MoveAction.Arrive(),
            { Record: null } => new MoveAction.Partition(),
            // Nothing was copied under this name yet, so nothing can be out of date.
            { Record: { Volumes: null } record } when record.Copy != view.Mark => new MoveAction.Mark(record.Copy),
            { Record: { } record } when record.Copy != view.Mark => new MoveAction.Renew(),
            { Record.Volumes: null } => new MoveAction.MakeVolumes(),
            { Record: { Volumes: { } volumes, Copied.Count: var done } } when done < volumes.Count => new MoveAction.Copy(volumes[done]),
            { Record.IsStaged: false } => new MoveAction.Stage(),
            _ => new MoveAction.Leave(),
        };
    }
}

/// <summary>What the two LUNs show.</summary>
/// <param name="HasLeft">The first one says that the site has left it for the second.</param>
/// <param name="Mark">The copy that the first one knows to be made from it; empty for none.</param>
/// <param name="Record">The move in the second one's journal; null when it has none.</param>
/// <param name="HasArrived">The second one carries the site.</param>
public sealed record MoveView(bool HasLeft, Guid Mark, MoveRecord? Record, bool HasArrived);

/// <summary>One action of a move.</summary>
public abstract record MoveAction
{
    private MoveAction() { }

    /// <summary>Write the new LUN's partition table and a journal with a new record.</summary>
    public sealed record Partition : MoveAction;

    /// <summary>See that no node runs, and note the copy on the LUN that it is made from.</summary>
    /// <param name="Identifier">What it is known by.</param>
    public sealed record Mark(Guid Identifier) : MoveAction;

    /// <summary>Somebody started from the old LUN meanwhile: begin the copy anew under another name.</summary>
    public sealed record Renew : MoveAction;

    /// <summary>Make the volumes, and note their names.</summary>
    public sealed record MakeVolumes : MoveAction;

    /// <summary>Copy a volume, read it back, and note that.</summary>
    /// <param name="Volume">Its name.</param>
    public sealed record Copy(string Volume) : MoveAction;

    /// <summary>Write all else that the site needs, marked as not being the site yet, and note that.</summary>
    public sealed record Stage : MoveAction;

    /// <summary>Let the site leave the old LUN: the one write that decides.</summary>
    public sealed record Leave : MoveAction;

    /// <summary>Take the mark off the new one.</summary>
    public sealed record Arrive : MoveAction;

    /// <summary>End the journal.</summary>
    public sealed record Finish : MoveAction;
}
