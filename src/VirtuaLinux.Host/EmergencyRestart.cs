using System.Text;

namespace VirtuaLinux.Host;

/// <summary>Restarts this machine without a look at its disks. What it needs is open from the beginning.</summary>
public sealed class EmergencyRestart : IDisposable
{
    // The kernel prints in its own time and tells nobody when a slow console has the line: there is no condition to wait for.
    private static readonly TimeSpan ConsolePause = TimeSpan.FromMilliseconds(200);

    private readonly FileStream _console = OpenForWriting("/dev/kmsg"), _trigger = OpenForWriting("/proc/sysrq-trigger");

    /// <summary>Writes a line to the kernel's log and to every console.</summary>
    /// <exception cref="FailureException">The kernel does not take it.</exception>
    public void Say(string text)
    {
        try
        {
            // Critical (syslog(2)): a quiet console shows that too.
            _console.Write(Encoding.UTF8.GetBytes($"<2>virtualinux: {text}\n"));
        }
        catch (IOException e)
        {
            throw new FailureException($"/dev/kmsg: {e.Message}", e);
        }
    }

    /// <summary>Says why, and restarts at once: nothing is written, no device is shut down, since both would wait for disks (proc_sys_kernel(5), sysrq).</summary>
    public void Now(string reason)
    {
        try
        {
            Say(reason);
            Thread.Sleep(ConsolePause);
        }
        catch (FailureException)
        {
            // A line less is no reason to go on.
        }
        try
        {
            _trigger.Write("b"u8);
        }
        catch (IOException)
        {
            // reboot(2), RB_AUTOBOOT
            _ = NativeMethods.Reboot(0x01234567);
        }
    }

    private static FileStream OpenForWriting(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: cannot be opened: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _console.Dispose();
        _trigger.Dispose();
    }
}
