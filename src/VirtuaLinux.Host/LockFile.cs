namespace VirtuaLinux.Host;

/// <summary>A lock between processes that ends with its holder.</summary>
public static class LockFile
{
    /// <summary>Takes the lock, waiting at most <paramref name="deadline"/>; disposing the result gives it back.</summary>
    /// <exception cref="FailureException">Another process keeps it.</exception>
    public static async Task<IDisposable> TakeAsync(string path, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(deadline.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (true)
        {
            try
            {
                // FileShare.None is flock(2) on Linux: the kernel drops it when the holder dies.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetTimestamp() < end)
            {
                await Task.Delay(20, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                throw new FailureException($"{path} is held by another process: {e.Message}", e);
            }
        }
    }
}
