using VirtuaLinux.Host;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node;

/// <summary>Ends a running node that was fenced: the SAN takes nothing from it any more, so it must not look alive to anybody.</summary>
/// <remarks>By then its root may be gone. So it runs on a thread of its own, in a process that is kept in memory, starts no program, and opens nothing but files of the kernel.</remarks>
/// <param name="registrar">The site's LUN.</param>
/// <param name="key">The key of this boot.</param>
/// <param name="say">Takes a line.</param>
/// <param name="restart">Restarts the machine, and says why.</param>
public sealed class FenceWatch(IRegistrar registrar, ReservationKey key, Action<string> say, Action<string> restart)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3), Soon = TimeSpan.FromSeconds(1);

    private KeyWatch _watch = new(key);

    /// <summary>Watches the site's LUN for as long as this process lives.</summary>
    /// <param name="runner">Runs programs; none is run later.</param>
    /// <param name="node">Name of this node.</param>
    /// <param name="disk">The LUN.</param>
    /// <param name="key">The key of this boot.</param>
    /// <param name="cancellationToken">Ends it before it begins.</param>
    /// <exception cref="FailureException">The LUN or the kernel's files cannot be opened.</exception>
    public static async Task StartAsync(ICommandRunner runner, string node, string disk, ReservationKey key, CancellationToken cancellationToken = default)
    {
        var machine = new EmergencyRestart();
        var watch = new FenceWatch(await ScsiRegistrar.OpenAsync(runner, disk, cancellationToken).ConfigureAwait(false), key, machine.Say, reason => machine.Now($"{node}: {reason}; restarting"));
        // Said once at the beginning, all that is needed to say it at the end is in memory.
        machine.Say($"{node}: watches its key {key} on the SAN");
        new Thread(() =>
        {
            // A look at intervals, for ever: the SAN reports no change by itself, and a timer would run on threads that may wait for a disk.
            while (true) Thread.Sleep(watch.Look());
        })
        { IsBackground = true, Name = "fence watch" }.Start();
    }

    /// <summary>One look.</summary>
    /// <returns>How long to wait before the next.</returns>
    internal TimeSpan Look()
    {
        (var before, (_watch, var verdict)) = (_watch, _watch.See(registrar.Ask()));
        switch (verdict)
        {
            case KeyVerdict.LookAgain:
                return Soon;
            case KeyVerdict.Register when registrar.Register(key):
                say($"the SAN lost its registrations; key {key} is registered again");
                return TimeSpan.Zero;
            case KeyVerdict.Reserve when registrar.Reserve(key):
                say("the SAN is reserved for its registered nodes again");
                return Interval;
            case KeyVerdict.Register or KeyVerdict.Reserve:
                _watch = before; // the SAN is away again
                return Soon;
            case KeyVerdict.Restart end:
                if (before.LooksToReserve is not null) registrar.Register(default);
                restart(end.Reason);
                return Soon;
            default:
                return Interval;
        }
    }
}
