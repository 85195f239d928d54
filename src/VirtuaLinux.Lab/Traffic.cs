namespace VirtuaLinux.Lab;

/// <summary>Bytes through a blade's network port, Ethernet headers included.</summary>
/// <param name="ToBlade">Received by the blade.</param>
/// <param name="FromBlade">Sent by the blade.</param>
public sealed record Traffic(long ToBlade, long FromBlade)
{
    /// <summary>What went through since <paramref name="earlier"/>.</summary>
    public Traffic Since(Traffic earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        return new Traffic(ToBlade - earlier.ToBlade, FromBlade - earlier.FromBlade);
    }
}
