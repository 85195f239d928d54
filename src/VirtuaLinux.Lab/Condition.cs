using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Waits for something to become true, with a deadline.</summary>
public static class Condition
{
    /// <summary>Asks every 100 ms until <paramref name="isTrue"/>.</summary>
    /// <param name="what">For the message: "waited 20 s for WHAT".</param>
    /// <param name="deadline">How long at most.</param>
    /// <param name="isTrue">The question.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FailureException">The deadline passed.</exception>
    public static async Task WaitAsync(string what, TimeSpan deadline, Func<Task<bool>> isTrue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(isTrue);
        var start = TimeProvider.System.GetTimestamp();
        while (!await isTrue().ConfigureAwait(false))
        {
            if (TimeProvider.System.GetElapsedTime(start) > deadline) throw new FailureException($"waited {deadline.TotalSeconds:0} s for {what}");
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }
}
