using System.Diagnostics;
using System.Globalization;

namespace VirtuaLinux.Lab;

/// <summary>A process that the lab started. The start time tells it from a later process with the same number.</summary>
/// <param name="Pid">Process id.</param>
/// <param name="StartTime">Start in clock ticks since boot: field 22 of <c>/proc/PID/stat</c> (proc(5)).</param>
public sealed record LabProcess(int Pid, ulong StartTime)
{
    /// <summary>Whether it still runs; a zombie does not.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsAlive => Stat(Pid) is { } stat && stat.StartTime == StartTime && stat.State is not ('Z' or 'X');

    /// <summary>The process with this number, if it runs.</summary>
    public static LabProcess? Find(int pid) => Stat(pid) is { State: not ('Z' or 'X') } stat ? new LabProcess(pid, stat.StartTime) : null;

    /// <summary>The process whose number is in the file's first line, if it runs.</summary>
    public static LabProcess? FromFile(string path)
    {
        if (!File.Exists(path)) return null;
        var line = File.ReadLines(path).FirstOrDefault() ?? "";
        return int.TryParse(line.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? Find(pid) : null;
    }

    /// <summary>Ends it at once (SIGKILL) and waits until it is gone.</summary>
    public async Task KillAsync(CancellationToken cancellationToken = default)
    {
        while (IsAlive)
        {
            try
            {
                using var process = Process.GetProcessById(Pid);
                process.Kill();
            }
            catch (ArgumentException)
            {
                return; // ended meanwhile
            }
            await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sends it a signal (kill(1)), such as <c>STOP</c>.</summary>
    internal Task SignalAsync(string signal, Host.ICommandRunner runner, CancellationToken cancellationToken) =>
        IsAlive ? runner.RunAsync(Host.ExternalCommand.Of("kill", $"-{signal}", string.Create(CultureInfo.InvariantCulture, $"{Pid}")), cancellationToken) : Task.CompletedTask;

    private static (char State, ulong StartTime)? Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
