namespace VirtuaLinux.Storage.Fencing;

/// <summary>A whole answer of the SAN to who is registered.</summary>
/// <param name="Generation">Counts the changes since the array's start (SPC-4, PRGENERATION): a smaller one than before means that it began anew.</param>
/// <param name="Keys">The keys that are registered.</param>
/// <param name="Fences">Who is noted as fenced.</param>
public sealed record Registrations(uint Generation, IReadOnlyList<ReservationKey> Keys, FenceBlock Fences);
