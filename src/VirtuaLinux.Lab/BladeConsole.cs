using System.Net.Sockets;
using System.Text;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>The serial console: its log, and a keyboard.</summary>
public sealed partial class Blade
{
    /// <summary>The log of the serial console, over all power-ons.</summary>
    public string ConsoleLogFile => LabPaths.ConsoleLog(Lab, Name);

    /// <summary>Length of the console log now, in bytes: a mark from which to wait.</summary>
    public long ConsoleLength => new FileInfo(ConsoleLogFile) is { Exists: true } log ? log.Length : 0;

    /// <summary>What the console showed since the last power-on, or since a mark, without terminal control sequences.</summary>
    public string ReadConsole(long? from = null)
    {
        if (!File.Exists(ConsoleLogFile)) return "";
        using var file = new FileStream(ConsoleLogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = Math.Min(from ?? State.ConsoleStart, file.Length);
        var bytes = new byte[file.Length - file.Position];
        return ConsoleText.Clean(bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)));
    }

    /// <summary>Waits until the console has shown a text since the last power-on, or since a mark.</summary>
    /// <exception cref="FailureException">The deadline passed or the machine went off; the message ends with the console's last lines.</exception>
    public async Task WaitForConsoleAsync(string text, TimeSpan deadline, long? from = null, CancellationToken cancellationToken = default) =>
        await WaitForConsoleAsync([text], deadline, from, cancellationToken).ConfigureAwait(false);

    /// <summary>Waits until the console has shown one of several texts.</summary>
    /// <returns>The one that it shows; when it shows several, the first of the list.</returns>
    /// <exception cref="FailureException">The deadline passed or the machine went off; the message ends with the console's last lines.</exception>
    public async Task<string> WaitForConsoleAsync(IReadOnlyList<string> texts, TimeSpan deadline, long? from = null, CancellationToken cancellationToken = default)
    {
        var start = TimeProvider.System.GetTimestamp();
        var begin = from ?? State.ConsoleStart;
        long seen = -1;
        while (true)
        {
            var isOn = IsOn; // asked before the log is read: what a machine wrote last must count
            var length = ConsoleLength;
            if (length != seen)
            {
                seen = length;
                var console = ReadConsole(begin);
                if (texts.FirstOrDefault(t => console.Contains(t, StringComparison.Ordinal)) is { } found) return found;
            }
            if (!isOn || TimeProvider.System.GetElapsedTime(start) > deadline)
                throw new FailureException($"{Name} {(isOn ? $"did not show '{string.Join("' or '", texts)}' within {deadline.TotalSeconds:0} s" : $"went off before it showed '{string.Join("' or '", texts)}'")}; its console ended with:\n{LastLines(ReadConsole(begin))}");
            await TendAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(200, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Types on the serial console; end a line with <c>\r</c>.</summary>
    /// <exception cref="FailureException">The machine is off, or somebody is at its console.</exception>
    public async Task SendAsync(string keys, CancellationToken cancellationToken = default)
    {
        using var seat = await TakeSeatAsync(cancellationToken).ConfigureAwait(false);
        using var console = await ConnectConsoleAsync(cancellationToken).ConfigureAwait(false);
        foreach (var key in Encoding.UTF8.GetBytes(keys))
        {
            await console.SendAsync(new[] { key }, cancellationToken).ConfigureAwait(false);
            // As fast as a person types: firmware's keyboard buffer holds 16 keys and drops the others.
            await Task.Delay(30, cancellationToken).ConfigureAwait(false);
        }
        await HangUpAsync(console, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Joins a person's terminal and the serial console until Ctrl-] is typed or the machine goes off.</summary>
    /// <param name="input">What the person types, byte by byte: a terminal in raw mode.</param>
    /// <param name="output">Where the console goes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task AttachConsoleAsync(Stream input, Stream output, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var seat = await TakeSeatAsync(cancellationToken).ConfigureAwait(false);
        using var console = await ConnectConsoleAsync(cancellationToken).ConfigureAwait(false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var typed = TypeAsync(input, console, end.Token);
        var shown = new NetworkStream(console).CopyToAsync(output, end.Token);
        await Task.WhenAny(typed, shown).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        if (typed.IsCompletedSuccessfully && IsOn) await HangUpAsync(console, cancellationToken).ConfigureAwait(false);
        // A read of the terminal may not end before the next key; it is left behind.
        await shown.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
    }

    /// <summary>Joins this process's terminal and the serial console: raw mode, and the old mode again at the end.</summary>
    public async Task AttachConsoleAsync(CancellationToken cancellationToken = default)
    {
        var isTerminal = !Console.IsInputRedirected;
        var mode = isTerminal ? (await SttyAsync("-g").ConfigureAwait(false)).Output.Trim() : "";
        try
        {
            if (isTerminal) await SttyAsync("raw", "-echo").ConfigureAwait(false);
            await AttachConsoleAsync(Console.OpenStandardInput(), Console.OpenStandardOutput(), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (isTerminal) await SttyAsync(mode).ConfigureAwait(false);
        }
    }

    /// <summary>Ends a connection so that what was typed arrives: the emulated port takes a few bytes at a time, and whatever waits when both directions close is lost. Closed for sending only, the emulator reads to the end and then hangs up.</summary>
    private async Task HangUpAsync(Socket console, CancellationToken cancellationToken)
    {
        console.Shutdown(SocketShutdown.Send);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        var echo = new byte[4096];
        try
        {
            while (await console.ReceiveAsync(echo, timeout.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FailureException($"{Name} reads nothing from its serial console", e);
        }
        catch (SocketException)
        {
            // The machine went off: what was typed last may have told it to.
        }
    }

    private Task<CommandResult> SttyAsync(params IReadOnlyList<string> arguments) => _runner.RunAsync(ExternalCommand.Of("stty", ["-F", "/dev/tty", .. arguments]));

    private static async Task TypeAsync(Stream input, Socket console, CancellationToken cancellationToken)
    {
        const byte escape = 0x1d; // Ctrl-]
        var buffer = new byte[256];
        while (true)
        {
            var count = await input.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            var stop = buffer.AsSpan(0, count).IndexOf(escape);
            if (count > 0) await console.SendAsync(buffer.AsMemory(0, stop < 0 ? count : stop), cancellationToken).ConfigureAwait(false);
            if (count == 0 || stop >= 0) return;
        }
    }

    /// <summary>One person at a time: the emulator would let a second one wait in silence.</summary>
    private async Task<IDisposable> TakeSeatAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await LockFile.TakeAsync(Path.Combine(Directory, "console.lock"), TimeSpan.FromSeconds(2), cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            throw new FailureException($"somebody is at {Name}'s console already", e);
        }
    }

    private async Task<Socket> ConnectConsoleAsync(CancellationToken cancellationToken)
    {
        if (!IsOn) throw new FailureException($"{Name} is off");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(LabPaths.ConsoleSocket(Lab, Name)), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new FailureException($"{Name}'s console does not answer: {e.Message}", e);
        }
    }

    private static string LastLines(string console) => string.Join('\n', console.Split('\n').Where(l => !string.IsNullOrWhiteSpace(l)).TakeLast(20).Select(l => $"  | {l.TrimEnd()}"));
}
