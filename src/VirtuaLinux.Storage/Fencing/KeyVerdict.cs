namespace VirtuaLinux.Storage.Fencing;

/// <summary>What a node does after a look at its registration.</summary>
public abstract record KeyVerdict
{
    private KeyVerdict()
    {
    }

    /// <summary>Nothing, until the next look.</summary>
    public sealed record GoOn : KeyVerdict;

    /// <summary>Look again soon: the key was missing once.</summary>
    public sealed record LookAgain : KeyVerdict;

    /// <summary>Register again: the array lost all registrations.</summary>
    public sealed record Register : KeyVerdict;

    /// <summary>Put the lost reservation back.</summary>
    public sealed record Reserve : KeyVerdict;

    /// <summary>Restart at once.</summary>
    /// <param name="Reason">Why, for people.</param>
    public sealed record Restart(string Reason) : KeyVerdict;
}
