namespace VirtuaLinux.Storage.Fencing;

/// <summary>The SAN's registrations as a running node asks for them. Nothing here waits for a disk but the SAN's own answer.</summary>
public interface IRegistrar
{
    /// <summary>Asks the SAN.</summary>
    /// <returns>Null when it gave no whole answer, for whatever reason: that says nothing about this node.</returns>
    Registrations? Ask();

    /// <summary>Registers this machine, on every path to the SAN; the null key ends its registrations.</summary>
    /// <returns>Whether the SAN did it on one path at least.</returns>
    bool Register(ReservationKey key);

    /// <summary>Lets only registered machines write from now on.</summary>
    /// <returns>Whether the SAN did it.</returns>
    bool Reserve(ReservationKey own);
}
