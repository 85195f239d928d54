using System.Collections.Concurrent;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>Gives a path of a multipath device back to the kernel when the SAN answers over it again: the kernel (dm-mpath) leaves a path that failed by itself, and comes back to none.</summary>
/// <remarks>
/// The place of multipathd(8), which cannot be under a root in a thin pool: at each event it asks every mapped device for its status, and a pool commits its metadata before it answers. With all paths gone that waits for a path, and multipathd with it (0.11, Debian 13).
/// All paths may be gone, and the root with them: it starts no program, opens nothing but files of the kernel, and has a thread for each path, since the answer of one may take long.
/// </remarks>
public sealed class PathChecker
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromSeconds(5);

    private static PathChecker? s_running;

    private readonly string _blocks;
    private readonly Func<string, bool> _isReady;
    private readonly Func<string, string, bool> _message;
    private readonly Action<string> _say;

    /// <param name="blocks">The kernel's folder of block devices.</param>
    /// <param name="isReady">Asks a path such as <c>/dev/sda</c> whether it serves.</param>
    /// <param name="message">Sends a message to a mapped device.</param>
    /// <param name="say">Takes a line.</param>
    internal PathChecker(string blocks, Func<string, bool> isReady, Func<string, string, bool> message, Action<string> say) => (_blocks, _isReady, _message, _say) = (blocks, isReady, message, say);

    /// <summary>Looks after all paths of all multipath devices for as long as this process lives; once is enough.</summary>
    /// <exception cref="FailureException">This kernel maps no devices.</exception>
    public static void Start(Action<string> say)
    {
        var control = new DeviceMapperControl();
        var checker = new PathChecker("/sys/class/block", IsReady, control.TryMessage, say);
        if (Interlocked.CompareExchange(ref s_running, checker, null) is not null)
        {
            control.Dispose();
            return;
        }
        new Thread(() => checker.Run(new ConcurrentDictionary<string, bool>())) { IsBackground = true, Name = "paths" }.Start();
    }

    /// <summary>Opened each time: a disk that is offline cannot be, and a descriptor would keep one that is gone.</summary>
    private static bool IsReady(string path)
    {
        using var device = ScsiDevice.TryOpen(path);
        // What is first said over a session that has come back is that it has.
        return device is not null && (Ask() || Ask());

        // TEST UNIT READY (SPC-4, 6.47)
        bool Ask() => device.TryRead(stackalloc byte[6], [], Timeout, out _);
    }

    private void Run(ConcurrentDictionary<string, bool> checkedPaths)
    {
        while (true)
        {
            try
            {
                foreach (var (map, path) in Paths())
                    if (checkedPaths.TryAdd(path, true))
                        new Thread(() =>
                        {
                            Follow(map, path);
                            checkedPaths.TryRemove(path, out _);
                        })
                        { IsBackground = true, Name = path }.Start();
            }
            catch (IOException)
            {
                // A device has just gone; the next look sees what is there.
            }
            // A look at intervals, for ever, here and at each path: no event says that an array serves again, and a timer would run on threads that may wait for a disk.
            Thread.Sleep(Interval);
        }
    }

    private void Follow(string map, string path)
    {
        var look = Look(map, path);
        while (look()) Thread.Sleep(Interval);
    }

    /// <summary>Looks at one path, again and again.</summary>
    /// <returns>False when it is no path of the device any more.</returns>
    internal Func<bool> Look(string map, string path)
    {
        var folder = Path.Combine(_blocks, path);
        var (number, served) = (Read(Path.Combine(folder, "dev")), true);
        return () =>
        {
            if (!Directory.Exists(Path.Combine(folder, "holders", map))) return false;
            // A disk whose session is being looked for would keep the question, and answer nothing.
            var serves = Read(Path.Combine(folder, "device/state")) == "running" && _isReady($"/dev/{path}");
            // A path that is in use already takes no notice of it.
            if (serves) _message(Read(Path.Combine(_blocks, map, "dm/name")), $"reinstate_path {number}");
            if (serves != served) _say($"{path}: the SAN {(serves ? "is reached over this path again" : "does not answer over this path")}");
            served = serves;
            return true;
        };
    }

    /// <summary>The kernel's names of all multipath devices and of their paths.</summary>
    internal IEnumerable<(string Map, string Path)> Paths() =>
        from map in Directory.GetDirectories(_blocks, "dm-*")
        where Read(Path.Combine(map, "dm/uuid")).StartsWith("mpath-", StringComparison.Ordinal)
        from path in Directory.GetFileSystemEntries(Path.Combine(map, "slaves"))
        select (Path.GetFileName(map), Path.GetFileName(path));

    /// <summary>A file of the kernel; empty when its device is gone.</summary>
    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
