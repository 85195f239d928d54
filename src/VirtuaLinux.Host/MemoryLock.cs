using System.Globalization;

namespace VirtuaLinux.Host;

/// <summary>Keeps a process in memory.</summary>
public static class MemoryLock
{
    private const int Current = 1, Future = 2, OnFault = 4;

    /// <summary>The program and its libraries are read into memory and stay there, and so does whatever else the process has used once: code and data of a program that looks after the disk below it must not lie on that disk alone (mlockall(2), MCL_ONFAULT).</summary>
    /// <remarks>Locking all at once would touch the hundreds of gigabytes of addresses that the runtime reserves.</remarks>
    /// <exception cref="FailureException">The process may not: it is not root's.</exception>
    public static void KeepResident()
    {
        if (NativeMethods.LockMemory(Current | Future | OnFault) != 0) throw Refused();
        foreach (var (start, end) in Files(File.ReadLines("/proc/self/maps")).ToList())
            if (NativeMethods.LockRange(start, end - start) != 0) throw Refused();
    }

    /// <summary>Addresses where files that can be read lie in memory (proc_pid_maps(5)).</summary>
    internal static IEnumerable<(nuint Start, nuint End)> Files(IEnumerable<string> maps)
    {
        foreach (var line in maps)
        {
            // 55d0c8a00000-55d0c8a21000 r-xp 00001000 fd:00 1234   /usr/bin/virtualinux
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 6 || fields[1][0] != 'r' || !fields[5].StartsWith('/') || fields[5].StartsWith("/memfd:", StringComparison.Ordinal)) continue;
            var range = fields[0].Split('-');
            yield return (nuint.Parse(range[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), nuint.Parse(range[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        }
    }

    private static FailureException Refused() => new($"this process cannot be kept in memory: {System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage()}");
}
