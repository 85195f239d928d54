namespace VirtuaLinux.Storage.Fencing;

/// <summary>
/// What a running node makes of the SAN's answers about its key. A key that is missing from two whole answers in a row was taken: this node was fenced, or another machine has its place.
/// Only an array that began anew, and lost the registrations which it had promised to keep, lets it register again, and only while nobody was noted as fenced since it was last in.
/// </summary>
/// <param name="Own">The key of this boot.</param>
public readonly record struct KeyWatch(ReservationKey Own)
{
    /// <summary>Whole answers without the key that are believed.</summary>
    private const int Enough = 2;

    /// <summary>Answers with the key before a node reserves a LUN that lost its reservation: the others register meanwhile, and none of their writes is refused.</summary>
    public const int GraceLooks = 20;

    /// <summary>The array's generation, when this node was last in.</summary>
    public uint? Generation { get; init; }

    /// <summary>How often somebody was noted as fenced or let in, when this node was last in.</summary>
    public ulong? FenceCount { get; init; }

    /// <summary>Whole answers in a row without the key.</summary>
    public int Absences { get; init; }

    /// <summary>How far this node is in putting the registrations back that the array lost: null not at all, at first <see cref="GraceLooks"/>, down to the reservation.</summary>
    public int? LooksToReserve { get; init; }

    /// <summary>What follows from an answer.</summary>
    /// <param name="answer">Null for none.</param>
    public (KeyWatch Next, KeyVerdict Verdict) See(Registrations? answer)
    {
        if (answer is null) return (this with { Absences = 0 }, new KeyVerdict.GoOn());
        if (answer.Keys.Contains(Own)) return Present(answer);
        if (Absences + 1 < Enough) return (this with { Absences = Absences + 1 }, new KeyVerdict.LookAgain());
        return Absent(answer);
    }

    private (KeyWatch Next, KeyVerdict Verdict) Present(Registrations answer)
    {
        var now = this with { Absences = 0, Generation = answer.Generation, FenceCount = answer.Fences.Count };
        if (LooksToReserve is not { } looks) return (now, new KeyVerdict.GoOn());
        // Right after it registered: whoever was fenced or replaced in between must see it now.
        if (looks == GraceLooks && WhyNot(answer) is { } reason) return (this, new KeyVerdict.Restart(reason));
        // Somebody is to be kept out: then at once.
        return looks <= 1 || answer.Fences.Nodes.Count > 0 ? (now with { LooksToReserve = null }, new KeyVerdict.Reserve()) : (now with { LooksToReserve = looks - 1 }, new KeyVerdict.GoOn());
    }

    private (KeyWatch Next, KeyVerdict Verdict) Absent(Registrations answer)
    {
        // Who fences is registered, and stays so: where nobody is, nobody fenced.
        if (answer.Keys.Count > 0 && !(answer.Generation < Generation)) return (this, new KeyVerdict.Restart($"its key {Own} is gone from the SAN, which has the keys of others: it was fenced, or another machine took its place"));
        if (WhyNot(answer) is { } reason) return (this, new KeyVerdict.Restart($"the SAN lost its registrations, and {reason}"));
        return (this with { Absences = 0, LooksToReserve = GraceLooks }, new KeyVerdict.Register());
    }

    /// <summary>Why this node must not register beside others; null if it may.</summary>
    private string? WhyNot(Registrations answer)
    {
        var own = Own;
        if (own.Node is { } node && answer.Fences.Nodes.Contains(node)) return "this node is noted as fenced";
        if (answer.Keys.Any(k => k != own && k.Node == own.Node)) return "another machine is registered as this node";
        return answer.Fences.Count == FenceCount ? null : "nodes were fenced or let in since this one was registered: it cannot know whether it was one of them";
    }
}
