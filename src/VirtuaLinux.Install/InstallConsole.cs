using System.Globalization;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The metamaster's voice: every line goes to all consoles at once (the screen and the serial line) and, as soon as there is one, to the log on the SAN.</summary>
public sealed class InstallConsole : IDisposable
{
    private readonly List<FileStream> _consoles = [];
    private readonly StringBuilder _pending = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<FileStream, Task<string?>> _readers = [];
    private BlockDevice? _journal;
    private string? _answered;
    private long _logEnd;

    /// <summary>Opens the consoles that the kernel uses.</summary>
    public InstallConsole()
    {
        const string active = "/sys/class/tty/console/active";
        var names = File.Exists(active) ? File.ReadAllText(active).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) : [];
        foreach (var name in names) Open($"/dev/{name}");
    }

    /// <summary>A line for people.</summary>
    public void Say(string line)
    {
        Log(line);
        var bytes = Encoding.UTF8.GetBytes(line + "\r\n");
        if (_consoles.Count == 0) Console.WriteLine(line);
        foreach (var console in _consoles)
        {
            try
            {
                console.Write(bytes);
                console.Flush();
            }
            catch (IOException)
            {
                continue; // a serial port without hardware takes no bytes; the other consoles do
            }
        }
    }

    /// <summary>A line for the log alone.</summary>
    public void Log(string line)
    {
        lock (_lock)
        {
            _pending.Append(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd HH:mm:ss.fff} {line}\n");
            if (_journal is not null) Flush();
        }
    }

    /// <summary>From now on the log is on the SAN, behind what older runs left there.</summary>
    public void AttachLog(BlockDevice journal)
    {
        ArgumentNullException.ThrowIfNull(journal);
        lock (_lock)
        {
            var old = new byte[SanLayout.LogSize];
            journal.Read(SanLayout.LogOffset, old);
            var end = old.AsSpan().IndexOf((byte)0);
            _logEnd = end < 0 ? 0 : end;
            _journal = journal;
            Flush();
        }
    }

    /// <summary>Ends the log on the SAN.</summary>
    public void DetachLog()
    {
        lock (_lock) _journal = null;
    }

    /// <summary>Asks on all consoles; the first line that anybody types is the answer.</summary>
    /// <exception cref="FailureException">No console can be typed on.</exception>
    public async Task<string> AskAsync(string question, CancellationToken cancellationToken = default) =>
        await AskAsync(question, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false) ?? throw new FailureException("no console of this machine can be typed on; write the answers into answers: of the site file");

    /// <summary>Asks on all consoles, for a while.</summary>
    /// <returns>The first line that anybody types; null when nobody did in time, or can.</returns>
    public async Task<string?> AskAsync(string question, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        Say(question);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(patience);
        // A line from before the question does not answer it.
        foreach (var old in _readers.Where(r => r.Value.IsCompletedSuccessfully && r.Value.Result is not null).Select(r => r.Key).ToList()) _readers.Remove(old);
        // One reader a console, kept from question to question: a second one would take the first one's line.
        foreach (var console in _consoles.Where(c => !_readers.ContainsKey(c))) _readers[console] = Task.Run(() => ReadLine(console), CancellationToken.None);
        while (_readers.Count > 0)
        {
            Task<string?> first;
            try
            {
                first = await Task.WhenAny(_readers.Values).WaitAsync(end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return null;
            }
            var console = _readers.First(r => r.Value == first).Key;
            _readers.Remove(console);
            if (await first.ConfigureAwait(false) is { } line)
            {
                Log($"answer: {line}");
                _answered = console.Name;
                return line;
            }
            // A serial port that the kernel lists and the machine lacks: it is never asked again.
            _consoles.Remove(console);
            await console.DisposeAsync().ConfigureAwait(false);
        }
        return null;
    }

    /// <summary>A shell on the console where the last answer was typed, until it is left.</summary>
    public async Task ShellAsync(ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        Say("a shell, with the network and the SAN up; 'exit' comes back here");
        // A session of its own, whose controlling terminal the console becomes (setsid(1), --ctty).
        await runner.RunAsync(ExternalCommand.Of("sh", "-c", "exec setsid -c sh -i <\"$0\" >\"$0\" 2>&1", _answered ?? "/dev/console").Accepting().WithTimeout(TimeSpan.FromDays(1)), cancellationToken).ConfigureAwait(false);
        // The end of the session hung the terminal up (tty_ioctl(4), vhangup(2)): who had it open before reads and writes nothing there any more.
        if (_consoles.Find(c => c.Name == _answered) is not { } console) return;
        _consoles.Remove(console);
        _readers.Remove(console);
        await console.DisposeAsync().ConfigureAwait(false);
        Open(console.Name);
    }

    private void Open(string path)
    {
        try
        {
            _consoles.Add(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A console that the kernel lists need not have hardware behind it (a serial port that is not there).
            Log($"console {path}: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var console in _consoles) console.Dispose();
    }

    private void Flush()
    {
        var bytes = Encoding.UTF8.GetBytes(_pending.ToString());
        _pending.Clear();
        if (_logEnd + bytes.Length >= SanLayout.LogSize) return; // the log is full; the consoles still tell
        _journal!.Write(SanLayout.LogOffset + _logEnd, bytes);
        _logEnd += bytes.Length;
    }

    /// <summary>A line, or null when nobody can type there.</summary>
    private static string? ReadLine(FileStream console)
    {
        var line = new List<byte>();
        try
        {
            int b;
            while ((b = console.ReadByte()) is not (-1 or '\n' or '\r')) line.Add((byte)b);
            return b < 0 ? null : Encoding.UTF8.GetString([.. line]).Trim();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
