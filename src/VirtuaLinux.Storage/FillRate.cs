namespace VirtuaLinux.Storage;

/// <summary>How fast something fills: what it had a day ago at most against what it has now.</summary>
/// <param name="before">What <see cref="Samples"/> were when it was watched last.</param>
public sealed class FillRate(IEnumerable<FillSample> before)
{
    private static readonly TimeSpan Window = TimeSpan.FromDays(1), Between = TimeSpan.FromMinutes(10), Least = TimeSpan.FromHours(1);

    private readonly List<FillSample> _samples = [.. before.OrderBy(s => s.Time)];

    /// <summary>What is kept of the last day, the oldest first: one measurement every ten minutes.</summary>
    public IReadOnlyList<FillSample> Samples => _samples;

    /// <summary>Takes a measurement, a few of which are kept.</summary>
    /// <param name="now">When.</param>
    /// <param name="used">Bytes in use.</param>
    /// <returns>Bytes a day, negative when it empties; null before it was watched for an hour.</returns>
    public double? Note(DateTimeOffset now, long used)
    {
        // The clock was wrong then, or is now.
        _samples.RemoveAll(s => s.Time > now);
        if (_samples.Count == 0 || now - _samples[^1].Time >= Between) _samples.Add(new FillSample(now, used));
        while (_samples.Count > 1 && now - _samples[0].Time > Window) _samples.RemoveAt(0);
        var (time, then) = _samples[0];
        return now - time < Least ? null : (used - then) / (now - time).TotalDays;
    }
}

/// <summary>How full something was.</summary>
/// <param name="Time">When.</param>
/// <param name="Used">Bytes in use.</param>
public sealed record FillSample(DateTimeOffset Time, long Used);
