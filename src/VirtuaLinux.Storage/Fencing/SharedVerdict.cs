namespace VirtuaLinux.Storage.Fencing;

/// <summary>What a node does after a look at who serves the volume that all nodes share.</summary>
public abstract record SharedVerdict
{
    private SharedVerdict()
    {
    }

    /// <summary>Nothing, until the next look.</summary>
    public sealed record Wait : SharedVerdict;

    /// <summary>Take the lease, if it is still as it was seen.</summary>
    /// <param name="Victim">The boot that held it, which is to be ended first; null where it holds nothing any more.</param>
    public sealed record Take(ReservationKey? Victim) : SharedVerdict;
}
