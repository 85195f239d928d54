namespace VirtuaLinux.Host;

/// <summary>Keeps a process in memory.</summary>
public static class MemoryLock
{
    private const int Current = 1, Future = 2, OnFault = 4;

    /// <summary>Whatever the process has used once stays in memory: code and data of a program that heals the disk below it must not lie on that disk alone (mlockall(2), MCL_ONFAULT).</summary>
    /// <remarks>Locking all at once would touch the hundreds of gigabytes of addresses that the runtime reserves.</remarks>
    /// <exception cref="FailureException">The process may not: it is not root's.</exception>
    public static void KeepResident()
    {
        if (NativeMethods.LockMemory(Current | Future | OnFault) != 0) throw new FailureException($"this process cannot be kept in memory: {System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage()}");
    }
}
