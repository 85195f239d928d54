namespace VirtuaLinux.Storage;

/// <summary>How fast something fills: what it had a day ago at most against what it has now.</summary>
public sealed class FillRate
{
    private static readonly TimeSpan Window = TimeSpan.FromDays(1), Between = TimeSpan.FromMinutes(10), Least = TimeSpan.FromHours(1);

    private readonly Queue<(DateTimeOffset Time, long Used)> _samples = new();
    private DateTimeOffset _last = DateTimeOffset.MinValue;

    /// <summary>Takes a measurement, a few of which are kept.</summary>
    /// <param name="now">When.</param>
    /// <param name="used">Bytes in use.</param>
    /// <returns>Bytes a day, negative when it empties; null before it was watched for an hour.</returns>
    public double? Note(DateTimeOffset now, long used)
    {
        if (now - _last >= Between)
        {
            _samples.Enqueue((now, used));
            _last = now;
        }
        while (_samples.Count > 1 && now - _samples.Peek().Time > Window) _samples.Dequeue();
        var (time, before) = _samples.Peek();
        return now - time < Least ? null : (used - before) / (now - time).TotalDays;
    }
}
