using System.Threading.Channels;

namespace VirtuaLinux.NetBoot;

/// <summary>Takes lines at once and writes them when the log can: a slow log never slows a boot storm. What it cannot take in time is dropped and counted.</summary>
internal sealed class LogQueue : IAsyncDisposable
{
    private const int Capacity = 16384;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly Counter _dropped;
    private readonly Task _writer;

    public LogQueue(Action<string> log, Counter dropped)
    {
        _dropped = dropped;
        _writer = Task.Run(async () =>
        {
            await foreach (var line in _lines.Reader.ReadAllAsync().ConfigureAwait(false))
                try
                {
                    log(line);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    // A log that fails for a moment, such as one on the SAN, must neither end the log nor the boot.
                    dropped.Add();
                }
        });
    }

    public void Write(string line)
    {
        if (!_lines.Writer.TryWrite(line)) _dropped.Add();
    }

    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
    }
}
