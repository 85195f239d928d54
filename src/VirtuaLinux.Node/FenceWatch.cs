using VirtuaLinux.Host;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node;

/// <summary>Ends a running node that was fenced: the SAN takes nothing from it any more, so it must not look alive to anybody.</summary>
/// <param name="disk">The site's LUN.</param>
/// <param name="key">The key of this boot.</param>
/// <param name="log">Takes a line.</param>
public sealed class FenceWatch(ISharedDisk disk, ReservationKey key, Action<string> log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Looks every ten seconds. A SAN that does not answer says nothing: that is a pause.</summary>
    /// <returns>When this node was fenced.</returns>
    public async Task WaitAsync(CancellationToken cancellationToken = default)
    {
        var exclusion = new Exclusion(disk);
        while (true)
        {
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
            try
            {
                if (!await exclusion.IsInAsync(key, cancellationToken).ConfigureAwait(false)) return;
            }
            catch (FailureException e)
            {
                log($"the SAN's registrations cannot be read: {e.Message}");
            }
        }
    }

    /// <summary>Restarts the machine at once: nothing can be written, and what is not in memory can perhaps not be run (proc_sys_kernel(5), sysrq).</summary>
    public static void Restart() => File.WriteAllText("/proc/sysrq-trigger", "b");
}
